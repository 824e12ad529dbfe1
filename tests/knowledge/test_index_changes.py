from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_index_store import HashEncoder, passage, passages

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.kinds import Kind
from knowledge.retrieval.reader import StoreReader
from knowledge.retrieval.store import IndexStore

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
