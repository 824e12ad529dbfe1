import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from test_index_store import HashEncoder, ids, passage, passages, tree

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage, write_passages
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.kinds import Kind, parse_size
from knowledge.retrieval.reader import StoreReader
from knowledge.retrieval.store import IndexStore
from pipelines.config.retrieval import RetrievalSection

if TYPE_CHECKING:
    from pipelines.run import Run

EMBEDDING = Embedding(HashEncoder())


@pytest.mark.parametrize("kind", list(Kind))
def test_most_of_a_collection_can_be_deleted_and_replaced(tmp_path: Path, kind: Kind) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(1000), embedding=EMBEDDING, kind=kind, target=0.9)
    manifest = store.delete([f"p{number}" for number in range(10, 1000)]).manifest
    assert manifest.passages == 10
    assert manifest.dense is not None
    assert manifest.dense.curve[-1].recall >= 0.9
    renewed = [replace(each, text=f"{each.text} Anew.") for each in passages(10)]
    assert store.add(renewed, embedding=EMBEDDING).changed == 10
    (near,) = StoreReader(tmp_path, encoder=HashEncoder())._open.by_vectors(
        EMBEDDING.encoder.encode(["query"]), limit=20, among=Filter()
    )
    assert sorted(near) == list(range(1000, 1010))
    assert store.delete([f"p{number}" for number in range(1, 10)]).manifest.passages == 1
    store.verify()


def test_the_stored_vectors_of_every_part_are_those_that_went_in(tmp_path: Path) -> None:
    store, encoder = IndexStore(tmp_path), HashEncoder()
    store.build(passages(600), embedding=EMBEDDING, kind=Kind.IVF_SQ8, target=0.5)
    store.add(passages(600, 640), embedding=EMBEDDING)
    dense = StoreReader(tmp_path, encoder=encoder)._open.dense
    assert dense is not None
    rows = np.array([639, 0, 601, 17, 599])
    expected = encoder.encode([passage(int(row)).searchable for row in rows])
    assert np.abs(dense.stored(rows) - expected).max() < 0.02


def test_a_recall_curve_visits_just_the_lists_it_names(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(600), embedding=EMBEDDING, kind=Kind.IVF_SQ8, target=0.5)
    dense = StoreReader(tmp_path, encoder=HashEncoder())._open.dense
    assert dense is not None
    queries = HashEncoder().encode(["query"])
    assert (dense.search(queries, 600, 1).rows >= 0).all()
    assert (dense.visit(queries, 600, 1).rows >= 0).sum() < 600


def test_a_rejected_version_stays_rejected(tmp_path: Path) -> None:
    store = IndexStore(tmp_path, keep=1)
    store.build(passages(20))
    assert store.add(passages(20, 30)).manifest.version == 2  # rejected below
    assert store.roll_back().version == 1
    assert store.add(passages(20, 22)).manifest.parent == 1
    assert store.versions() == [1, 3]
    assert store.roll_back().version == 1
    with pytest.raises(KnowledgeError, match="has no older version"):
        store.roll_back()


def test_forty_thousand_licences_keep_their_own_numbers(tmp_path: Path) -> None:
    given = [Passage(f"p{i}", "", "word", f"s{i}", f"licence {i}", "l") for i in range(40_000)]
    IndexStore(tmp_path).build(given)
    version = StoreReader(tmp_path)._open
    for i in (0, 32_768, 39_999):
        among = Filter(licenses=(f"licence {i}",), sources=(f"s{i}",))
        names = version.manifest
        found = version.rows.admitted(among, sources=names.sources, licenses=names.licenses)
        assert np.flatnonzero(found).tolist() == [i]


@pytest.mark.parametrize("count", [1, 15, 255, 257, 510, 520])
def test_few_passages_are_kept_flat_and_a_few_more_in_lists(tmp_path: Path, count: int) -> None:
    manifest = IndexStore(tmp_path).build(passages(count), embedding=EMBEDDING, kind=Kind.IVF_SQ8, target=0.5)
    assert manifest.dense is not None
    flat = count < 256
    assert manifest.dense.kind is (Kind.FLAT if flat else Kind.IVF_SQ8)
    assert manifest.dense.asked is (Kind.IVF_SQ8 if flat else None)


def test_the_least_recall_is_that_of_the_kind(tmp_path: Path) -> None:
    for kind, target in ((Kind.FLAT, 0.98), (Kind.IVF_SQ8, 0.98), (Kind.SMALL, 0.90)):
        manifest = IndexStore(tmp_path / kind).build(passages(300), embedding=EMBEDDING, kind=kind)
        assert manifest.dense is not None
        assert manifest.dense.target == target


def test_the_memory_budget_holds_when_the_index_grows(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    budget = parse_size("45KB")  # 300 vectors of 32 numbers of 4 bytes and a row number of 8: 40.8 KB
    store.build(passages(300), embedding=EMBEDDING, memory_budget=budget)
    store.add(passages(300, 310), embedding=EMBEDDING)
    with pytest.raises(KnowledgeError, match=r"With 40 passages more .* a budget of 45 KB"):
        store.sync(passages(350), embedding=EMBEDDING)
    path = tmp_path / "versions/000002/manifest.json"
    older = json.loads(path.read_text())
    del older["parent"], older["dense"]["memory_budget"], older["dense"]["asked"]
    path.write_text(json.dumps(older))
    assert store.add(passages(350), embedding=EMBEDDING).added == 40


def test_two_passages_of_one_id_are_refused_whether_or_not_one_is_known(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(5))
    with pytest.raises(KnowledgeError, match="Two passages have the same id: p1"):
        store.add([passage(1), passage(1, "Other text.")])


FACTS, IDS, LINES = ("passages/000001." + each for each in ("facts.npy", "ids.npy", "jsonl"))


@pytest.mark.parametrize("name", [FACTS, IDS, LINES, "passages/000001.offsets.npy", "lexical/meta.json"])
@pytest.mark.parametrize("count", [30, 20_000], ids=["small", "large"])
def test_damage_outside_the_vector_files_is_refused(tmp_path: Path, name: str, count: int) -> None:
    IndexStore(tmp_path).build(Passage(f"p{i}", "", f"word{i % 9}", "s", "CC0", "l") for i in range(count))
    path = tmp_path / "versions/000001" / name
    content = bytearray(path.read_bytes())
    for place in range(130 if name.endswith(".npy") else 5, len(content), 8):
        content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(KnowledgeError, match="is damaged"):
        _use_all(StoreReader(tmp_path))


def _use_all(reader: StoreReader) -> None:
    (hits,) = reader.search(["word1"], limit=5)
    reader.passages([hit.passage_id for hit in hits])
    rows = reader._open.rows
    rows.admitted(Filter(sources=("s",)), sources=("s",), licenses=("CC0",))


def _outside(found: dict[str, Any]) -> None:
    found["files"]["../../CURRENT"] = next(iter(found["files"].values()))


def _absolute(found: dict[str, Any]) -> None:
    found["segments"][0]["name"] = "/etc/passwd"


def _text_for_number(found: dict[str, Any]) -> None:
    found["passages"] = "many"


def _number_for_list(found: dict[str, Any]) -> None:
    found["licenses"] = 7


@pytest.mark.parametrize("harm", [_outside, _absolute, _text_for_number, _number_for_list])
def test_a_manifest_is_checked_field_by_field(tmp_path: Path, harm: Callable[[dict[str, Any]], None]) -> None:
    IndexStore(tmp_path).build(passages(3))
    path = tmp_path / "versions/000001/manifest.json"
    found = json.loads(path.read_text())
    harm(found)
    path.write_text(json.dumps(found))
    with pytest.raises(KnowledgeError, match="is not the manifest of an index"):
        StoreReader(tmp_path)


def test_names_that_the_index_does_not_have_are_named(tmp_path: Path) -> None:
    IndexStore(tmp_path).build(passages(9))
    reader = StoreReader(tmp_path)
    with pytest.raises(KnowledgeError, match="has no source 'pubmet': choose among s0, s1, s2"):
        reader.search(["word"], limit=3, among=Filter(sources=("s1", "pubmet")))
    with pytest.raises(KnowledgeError, match=r"has no licence 'cc0': choose among CC0, CC BY 4\.0"):
        reader.search(["word"], limit=3, among=Filter(licenses=("cc0",)))


def test_odd_arguments_are_answered_in_a_sentence(tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "store")
    with pytest.raises(KnowledgeError, match="There is no index"):
        store.roll_back(3)
    store.build(passages(9))
    reader = StoreReader(tmp_path / "store")
    assert len(reader.search(["word1 sentence \ud800"], limit=10**30)[0]) == 9
    with pytest.raises(KnowledgeError, match="is no year of publication"):
        Filter(year_from=10**30)
    with pytest.raises(KnowledgeError, match="is not a size of memory"):
        parse_size("9" * 400)
    with pytest.raises(KnowledgeError, match="has no passage ''"):
        store.delete([""])
    current = tmp_path / "store/CURRENT"
    current.write_text("000007\n")
    with pytest.raises(KnowledgeError, match="has no version 7, which CURRENT names: roll back to one of 1"):
        StoreReader(tmp_path / "store")
    assert store.roll_back().version == 1
    current.unlink()
    current.mkdir()
    with pytest.raises(KnowledgeError, match="CURRENT cannot be read"):
        store.manifest()
    (tmp_path / "file").write_text("text")
    with pytest.raises(KnowledgeError, match="There is no index"):
        StoreReader(tmp_path / "file")
    with pytest.raises(KnowledgeError, match="is a file: choose a directory"):
        IndexStore(tmp_path / "file").build(passages(3))


def test_the_estimate_of_a_run_is_logged_and_its_budget_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.stages import index as stage

    write_passages(tmp_path / "passages.jsonl", passages(300))
    monkeypatch.setattr(stage, "passage_encoder", lambda _run: HashEncoder())
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    section = RetrievalSection(memory_budget="1MB", index="small")
    run = SimpleNamespace(
        config=SimpleNamespace(retrieval=section),
        path=lambda name: tmp_path / name,
        reporter=SimpleNamespace(work=lambda *_: None),
    )
    caplog.set_level("INFO", logger="knobo")
    stage.embed_part(cast("Run", run), 0, 2)
    stage.index(cast("Run", run))
    assert "small index of 300 vectors of 32" in caplog.text
    dense = IndexStore(tmp_path / "index").manifest().dense
    assert dense is not None
    assert (dense.memory_budget, dense.target) == (1_000_000, 0.90)


@pytest.mark.parametrize("kind", list(Kind))
def test_equal_passages_changed_alike_give_equal_bytes(tmp_path: Path, kind: Kind) -> None:
    for store in (IndexStore(tmp_path / "one"), IndexStore(tmp_path / "two")):
        store.build(passages(400), embedding=EMBEDDING, kind=kind, target=0.5)
        store.add(passages(390, 420), embedding=EMBEDDING)
        store.add(passages(420, 425), embedding=EMBEDDING)
        store.delete(["p3", "p421"])
        store.verify()
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_an_index_whose_segments_were_merged_finds_all(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(3))
    for number in range(3, 20):
        store.add(passages(number, number + 1))
    store.verify()
    lexical = tmp_path / "versions" / f"{store.versions()[-1]:06}" / "lexical"
    assert len(list(lexical.glob("*.fast"))) < 18
    assert sorted(ids(StoreReader(tmp_path), "sentence about", 50)) == sorted(
        each.id for each in passages(20)
    )
