import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import KnowledgeError
from knowledge.retrieval.engine import add, trained
from knowledge.retrieval.kinds import Kind, choose, estimate, list_count, parse_size, readable


def test_the_kind_follows_the_size_and_then_the_budget() -> None:
    def kind(vectors: int, budget: str | None = None) -> Kind:
        size = None if budget is None else parse_size(budget)
        return choose(vectors=vectors, dimension=384, budget=size).kind

    assert kind(200_000) is Kind.FLAT
    assert kind(200_001) is Kind.IVF_SQ8
    assert kind(1_000_000, "450MB") is Kind.IVF_SQ8
    assert kind(1_000_000, "100MB") is Kind.SMALL
    assert kind(100_000, "100MB") is Kind.IVF_SQ8
    assert kind(24_000_000, "10GB") is Kind.IVF_SQ8


def test_a_kind_that_does_not_fit_is_refused_with_one_that_does() -> None:
    with pytest.raises(KnowledgeError) as refused:
        choose(vectors=1_000_000, dimension=384, budget=parse_size("500MB"), kind=Kind.FLAT)
    assert str(refused.value) == (
        "An index of kind flat over 1,000,000 vectors of 384 needs 1.54 GB of memory, "
        "and the budget is 500 MB: choose the kind ivf-sq8 (395 MB) or a larger budget."
    )
    with pytest.raises(KnowledgeError, match=r"no kind fits, so give at least 67\.2 MB \(small\)"):
        choose(vectors=1_000_000, dimension=384, budget=1000)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_estimate_is_what_faiss_writes(kind: Kind) -> None:
    import faiss

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(4000, 64)).astype(np.float32)
    index = trained(kind, vectors, lists=list_count(4000) if kind.in_lists else 0)
    add(index, vectors, first_row=0)
    written = len(faiss.serialize_index(index))
    assert estimate(kind, vectors=4000, dimension=64).memory == pytest.approx(written, rel=0.03)


def test_lists_are_about_two_roots_of_the_size() -> None:
    sizes = (1, 10_000, 250_000, 1_000_000, 10**10)
    assert [list_count(size) for size in sizes] == [16, 128, 1024, 2048, 65_536]


@given(st.integers(min_value=1, max_value=10**14))
def test_sizes_are_read_as_they_are_written(size: int) -> None:
    assert parse_size(str(size)) == size
    assert parse_size(readable(size)) == pytest.approx(size, rel=0.006)


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0", "2 GiB", "1e9"])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(KnowledgeError, match="is not a size of memory: write it like 800MB or 2GB"):
        parse_size(text)
