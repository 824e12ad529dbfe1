import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.kinds import Kind
from knowledge.retrieval.reader import StoreReader
from knowledge.retrieval.store import IndexStore

BASIS = np.random.default_rng(0).normal(size=(6, 32))


@lru_cache(maxsize=10_000)
def vector_of(text: str) -> NDArray[np.float64]:
    seed = list(hashlib.sha256(text.encode()).digest())
    vector = np.random.default_rng(seed).normal(size=6) @ BASIS
    return np.asarray(vector / np.linalg.norm(vector))


class HashEncoder:
    """A fixed unit vector a text, from a space of six dimensions as text is; notes what it was given."""

    def __init__(self, digest: str = "hash-encoder") -> None:
        self.digest = digest
        self.dimension = 32
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        return np.array([vector_of(text) for text in texts], dtype=np.float32).reshape(-1, 32)


def passage(number: int, text: str = "") -> Passage:
    return Passage(
        id=f"p{number}",
        title=f"Title {number}",
        text=text or f"Sentence about word{number % 40} and thing{number % 7}.",
        source=f"s{number % 3}",
        license=("CC0", "CC BY 4.0")[number % 2],
        locator=f"PMID {number}",
        retracted=number % 10 == 0,
        year=None if number % 11 == 0 else 1990 + number % 30,
    )


def passages(*numbers: int) -> list[Passage]:
    return [passage(number) for number in range(*numbers)]


def nearest(vectors: NDArray[np.float32], query: NDArray[np.float32], limit: int) -> list[int]:
    return [int(i) for i in np.argsort(-(vectors @ query), kind="stable")[:limit]]


def ids(reader: StoreReader, query: str, limit: int = 10, among: Filter | None = None) -> list[str]:
    (hits,) = reader.search([query], limit=limit, among=among or Filter())
    return [hit.passage_id for hit in hits]


def tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(params=list(Kind), ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


def test_vectors_alone_find_what_a_brute_force_product_finds(tmp_path: Path, kind: Kind) -> None:
    given, encoder = passages(600), HashEncoder()
    manifest = IndexStore(tmp_path).build(given, embedding=Embedding(encoder), kind=kind, target=0.9)
    assert manifest.dense is not None
    reader = StoreReader(tmp_path, encoder=encoder)
    vectors = encoder.encode([each.searchable for each in given])
    shares = []
    for query in encoder.encode([f"query {i}" for i in range(60)]):
        dense = reader._open.by_vectors(query[None], limit=10, among=Filter())[0]
        shares.append(len({*dense} & {*nearest(vectors, query, 10)}) / 10)
    assert np.mean(shares) >= (1.0 if kind is Kind.FLAT else 0.9)
    assert manifest.dense.curve[-1].recall >= 0.9


def test_a_grown_index_answers_like_one_built_at_once(tmp_path: Path) -> None:
    encoder = HashEncoder()
    grown = IndexStore(tmp_path / "grown")
    grown.build(passages(400), embedding=Embedding(encoder))
    change = grown.add([*passages(390, 500), passage(3, "Pneumothorax.")], embedding=Embedding(encoder))
    assert (change.added, change.changed, change.unchanged, change.deleted) == (100, 1, 10, 0)
    assert grown.delete(["p7", "p450", "p7"]).manifest.passages == 498
    expected = [passage(3, "Pneumothorax.") if each.id == "p3" else each for each in passages(500)]
    expected = [each for each in expected if each.id not in {"p7", "p450"}]
    IndexStore(tmp_path / "whole").build(expected, embedding=Embedding(encoder))
    one, other = (StoreReader(tmp_path / name, encoder=encoder) for name in ("grown", "whole"))
    assert len(one) == len(other) == 498
    for query in ("Pneumothorax", "word7", "word3 thing5"):
        found = one._open.by_vectors(encoder.encode([query]), limit=20, among=Filter())[0]
        there = other._open.by_vectors(encoder.encode([query]), limit=20, among=Filter())[0]
        assert [one._open.rows.passage(r) for r in found] == [other._open.rows.passage(r) for r in there]
        words = [
            [o._open.rows.passage(r).id for r in o._open.by_words(query, limit=500, among=Filter())]
            for o in (one, other)
        ]
        assert {*words[0]} == {*words[1]}
    assert "p3" in ids(one, "Pneumothorax")[:2], "the first by words, tied with the first by vectors"


def test_only_changed_text_is_embedded_again(tmp_path: Path) -> None:
    store, encoder = IndexStore(tmp_path / "store"), HashEncoder()
    embedding = Embedding(encoder, cache=tmp_path / "vectors.sqlite")
    store.build(passages(50), embedding=embedding)
    encoder.seen.clear()
    retracted = replace(passage(1), retracted=True)
    change = store.add(
        [*passages(2, 50), retracted, passage(50), passage(0, "New text.")], embedding=embedding
    )
    assert (change.added, change.changed) == (1, 2)
    assert sorted(encoder.seen) == sorted([passage(50).searchable, passage(0, "New text.").searchable])
    reader = StoreReader(tmp_path / "store", encoder=encoder)
    assert reader.passages(["p1", "p0"]) == [retracted, passage(0, "New text.")]


def test_sync_leaves_exactly_the_given_passages(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(60))
    change = store.sync(passages(20, 80))
    assert (change.added, change.changed, change.deleted, change.unchanged) == (20, 0, 20, 40)
    reader = StoreReader(tmp_path)
    assert {*ids(reader, "sentence about", 200)} == {f"p{i}" for i in range(20, 80)}
    again = store.sync(passages(20, 80))
    assert again.manifest.version == change.manifest.version, "nothing changed, so nothing is published"


@pytest.fixture(scope="module", params=list(Kind), ids=lambda kind: kind.value)
def filterable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filterable")
    embedding = Embedding(HashEncoder())
    IndexStore(home).build(passages(600), embedding=embedding, kind=request.param, target=0.9)
    return home


@pytest.mark.parametrize(
    "among",
    [
        Filter(sources=("s1",)),
        Filter(licenses=("CC0",), retracted=False),
        Filter(year_from=2000, year_to=2003),
        Filter(sources=("s0", "s2"), year_to=1995, retracted=False),
        Filter(sources=("absent",)),
    ],
    ids=["source", "licence", "years", "several", "none"],
)
def test_conditions_hold_in_both_arms_and_lose_nothing(filterable: Path, among: Filter) -> None:
    encoder, given = HashEncoder(), passages(600)
    version = StoreReader(filterable, encoder=encoder)._open
    admitted = [i for i, each in enumerate(given) if among.admits(each)]
    query = "sentence about word3"
    words = version.by_words(query, limit=600, among=among)
    unfiltered = version.by_words(query, limit=600, among=Filter())
    assert words == [row for row in unfiltered if row in {*admitted}]
    (near,) = version.by_vectors(encoder.encode([query]), limit=len(given), among=among)
    assert sorted(near) == admitted
    vectors = encoder.encode([each.searchable for each in given])
    best = [admitted[i] for i in nearest(vectors[admitted], encoder.encode([query])[0], 5)]
    (first,) = version.by_vectors(encoder.encode([query]), limit=5, among=among)
    assert len({*first} & {*best}) >= min(4, len(best))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Several threads that train together may differ in the last bits."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.mark.parametrize("size", [37, 10_000])
@pytest.mark.usefixtures("one_thread")
def test_shards_of_any_size_in_threads_give_the_same_files(tmp_path: Path, kind: Kind, size: int) -> None:
    def build(name: str, shard_size: int, **options: Any) -> dict[str, str]:
        embedding = Embedding(HashEncoder(), shard_size=shard_size, **options)
        IndexStore(tmp_path / name).build(passages(300), embedding=embedding, kind=kind, target=0.5)
        return tree(tmp_path / name / "versions/000001/dense")

    with ThreadPoolExecutor(3) as pool:
        assert build("sharded", size, map_shards=pool.map) == build("serial", 150)


def test_published_files_are_never_touched_again(tmp_path: Path) -> None:
    store, encoder = IndexStore(tmp_path), HashEncoder()
    store.build(passages(200), embedding=Embedding(encoder))
    first = tmp_path / "versions/000001"
    before, inodes = tree(first), {path.name: path.stat().st_ino for path in first.rglob("*.faiss")}
    store.add(passages(200, 260), embedding=Embedding(encoder))
    store.delete(["p3"])
    assert tree(first) == before
    latest = tmp_path / "versions/000003/dense/000001.faiss"
    assert latest.stat().st_ino == inodes["000001.faiss"], "unchanged files are links"


def test_a_reader_is_undisturbed_until_it_asks_for_the_new_version(tmp_path: Path) -> None:
    store, encoder = IndexStore(tmp_path, keep=0), HashEncoder()
    store.build(passages(300), embedding=Embedding(encoder))
    reader, other = (StoreReader(tmp_path, encoder=encoder) for _ in range(2))
    expected, stop, failures = ids(reader, "word5"), threading.Event(), list[BaseException]()

    def search() -> None:
        while not stop.is_set():
            try:
                assert ids(other, "word5")
                other.refresh()
            except BaseException as error:  # noqa: BLE001 - shown below
                failures.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    for first in range(300, 360, 20):
        store.add(passages(first, first + 20), embedding=Embedding(encoder))
    stop.set()
    thread.join()
    assert failures == []
    assert store.versions() == [4], "older versions are gone"
    assert ids(reader, "word5") == expected
    assert reader.refresh()
    assert not reader.refresh()
    assert len(reader) == 360


def test_many_small_additions_are_merged_and_stay_right(tmp_path: Path) -> None:
    store, encoder = IndexStore(tmp_path), HashEncoder()
    store.build(passages(500), embedding=Embedding(encoder), kind=Kind.SMALL, target=0.8)
    store.delete(["p2"])
    for first in range(500, 590, 10):
        manifest = store.add(passages(first, first + 10), embedding=Embedding(encoder)).manifest
    assert manifest.dense is not None
    assert len(manifest.dense.parts) < 9
    version = StoreReader(tmp_path, encoder=encoder)._open
    (near,) = version.by_vectors(encoder.encode(["q"]), limit=700, among=Filter())
    assert sorted(near) == [row for row in range(590) if row != 2]
    store.verify()


def test_a_version_can_be_rolled_back_and_built_upon(tmp_path: Path) -> None:
    store = IndexStore(tmp_path, keep=2)
    store.build(passages(20))
    store.add(passages(20, 30))
    assert store.roll_back().version == 1
    assert len(StoreReader(tmp_path)) == 20
    assert store.add(passages(20, 25)).manifest.version == 3
    assert store.roll_back(2).passages == 30
    with pytest.raises(KnowledgeError, match="has no version 9: choose one of 1, 2, 3"):
        store.roll_back(9)
    for first in range(30, 34):
        store.add(passages(first, first + 1))
    assert store.versions() == [5, 6, 7]


@pytest.mark.parametrize("name", ["dense/000001.faiss", "alive.npy"])
@pytest.mark.parametrize("harm", ["flip", "cut", "replace", "remove"])
def test_a_damaged_file_is_refused_before_it_is_read(tmp_path: Path, name: str, harm: str) -> None:
    encoder = HashEncoder()
    IndexStore(tmp_path).build(passages(100), embedding=Embedding(encoder))
    path = tmp_path / "versions/000001" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    written = {
        "flip": bytes(content),
        "cut": bytes(content[:-9]),
        "replace": b"IxFI" + b"\xff" * 60,
        "remove": b"",
    }
    path.unlink()
    if harm != "remove":
        path.write_bytes(written[harm])
    with pytest.raises(
        KnowledgeError, match=r"is damaged \(.*\): roll back to another version or build it again"
    ):
        StoreReader(tmp_path, encoder=encoder)
    with pytest.raises(KnowledgeError, match="is damaged"):
        IndexStore(tmp_path).add([passage(500)], embedding=Embedding(encoder))


def test_verify_names_changed_and_foreign_files(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(30))
    assert store.verify().version == 1
    lines = tmp_path / "versions/000001/passages/000001.jsonl"
    content = lines.read_bytes()
    lines.write_bytes(content.replace(b"Sentence", b"Sentense", 1))
    with pytest.raises(KnowledgeError, match=r"the checksum of passages/000001\.jsonl differs"):
        store.verify()
    lines.write_bytes(content)
    (tmp_path / "versions/000001/dense.faiss").write_bytes(b"IxFI")
    with pytest.raises(KnowledgeError, match=r"dense\.faiss is not in its manifest"):
        store.verify()


def test_an_index_below_its_target_is_not_published(tmp_path: Path) -> None:
    encoder = HashEncoder()
    store = IndexStore(tmp_path)
    store.build(passages(40), embedding=Embedding(encoder))
    with pytest.raises(KnowledgeError, match=r"of the exact ten best .* and was not published"):
        store.build(passages(400), embedding=Embedding(encoder), kind=Kind.IVF_SQ8, target=1.0)
    assert store.manifest().passages == 40
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".draft")] == []


def mistakes(store: IndexStore, home: Path) -> Iterator[tuple[Callable[[], object], str]]:
    one, other = Embedding(HashEncoder()), Embedding(HashEncoder("another"))
    yield lambda: store.build([]), "There are no passages"
    yield lambda: store.build([passage(1), passage(1)]), "Two passages have the same id: p1"
    yield lambda: store.add([passage(5)], embedding=other), "built with another encoder"
    yield lambda: store.add([passage(99)]), "has vectors: name the encoder"
    yield lambda: store.delete(["absent"]), "has no passage 'absent'"
    yield lambda: store.delete([f"p{i}" for i in range(9)]), "No passage would be left"
    yield lambda: StoreReader(home, encoder=HashEncoder("another")), "built with another encoder"
    yield store.roll_back, "no older version"
    yield lambda: store.build(passages(9), embedding=one, memory_budget=10), "no kind fits"
    yield lambda: IndexStore(home / "nothing").manifest(), "There is no index in .*: build it first"


def test_mistakes_are_named_and_change_nothing(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(9), embedding=Embedding(HashEncoder()))
    before = tree(tmp_path)
    for mistake, message in mistakes(store, tmp_path):
        with pytest.raises(KnowledgeError, match=message):
            mistake()
    assert tree(tmp_path) == before


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(KnowledgeError, match="holds files that are no index"):
        IndexStore(tmp_path).build(passages(3))
    assert tree(tmp_path).keys() == {"thesis.txt"}


def test_a_second_writer_is_told_to_wait_and_a_killed_one_leaves_the_index_as_it_was(tmp_path: Path) -> None:
    store = IndexStore(tmp_path)
    store.build(passages(10))

    def slow(inner: list[str]) -> Iterable[Passage]:
        yield passage(11)
        with pytest.raises(KnowledgeError, match="Another process is writing the index"):
            IndexStore(tmp_path).delete(["p1"])
        inner.append("refused")

    noted: list[str] = []
    store.add(slow(noted))
    assert noted == ["refused"]
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from knowledge.passages import Passage; from knowledge.retrieval.store import IndexStore\n"
        "def dying():\n"
        "    yield Passage('x', '', 'text', 's', 'CC0', 'l')\n"
        "    os._exit(9)\n"
        "IndexStore(Path(sys.argv[1])).build(dying())\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path), root], check=False).returncode == 9
    assert len(StoreReader(tmp_path)) == 11
    assert any(path.name.startswith(".draft") for path in tmp_path.iterdir())
    store.delete(["p1"])
    assert not any(path.name.startswith(".draft") for path in tmp_path.iterdir())
    assert store.verify().passages == 10
