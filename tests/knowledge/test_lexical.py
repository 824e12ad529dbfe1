import math
import random
import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.passages import Passage
from knowledge.retrieval.bm25 import Bm25


def _passage(id_: str, text: str, title: str = "") -> Passage:
    return Passage(id_, title, text, "s", "CC0", id_)


def _random_passages(count: int, seed: int) -> list[Passage]:
    """Words without English endings, at most 40 a passage: up to there the engine keeps lengths exactly."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("bcdfgjkmpqtvxz", k=5)) for _ in range(60)]
    weights = [1 / (i + 1) for i in range(60)]
    return [
        _passage(
            f"p{i:03}",
            " ".join(rng.choices(words, weights, k=rng.randint(3, 30))),
            " ".join(rng.choices(words, k=3)),
        )
        for i in range(count)
    ]


def _bm25(passages: list[Passage], query: str, k1: float = 1.2, b: float = 0.75) -> dict[str, float]:
    """The formula of Robertson and Zaragoza with the inverse document frequency of Lucene, word by word."""
    bags = {passage.id: Counter(f"{passage.title} {passage.text}".split()) for passage in passages}
    mean = sum(sum(bag.values()) for bag in bags.values()) / len(bags)
    score: dict[str, float] = {}
    for word in query.split():
        n = sum(word in bag for bag in bags.values())
        idf = math.log(1 + (len(bags) - n + 0.5) / (n + 0.5))
        for id_, bag in bags.items():
            if tf := bag[word]:
                norm = k1 * (1 - b + b * sum(bag.values()) / mean)
                score[id_] = score.get(id_, 0) + idf * tf * (k1 + 1) / (tf + norm)
    return score


def test_scores_and_ranks_are_those_of_the_bm25_formula(tmp_path: Path) -> None:
    passages = _random_passages(300, seed=0)
    index = Bm25.build(passages, tmp_path / "index")
    rng = random.Random(1)
    queries = [" ".join(rng.choice(passages).text.split()[:4]) for _ in range(40)]
    for query in queries:
        found = index.search(query, limit=300)
        assert {passages[row].id: score for row, score in found} == pytest.approx(
            _bm25(passages, query), rel=1e-4
        )
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_the_limit_keeps_the_best(tmp_path: Path) -> None:
    passages = _random_passages(100, seed=2)
    index = Bm25.build(passages, tmp_path / "index")
    query = passages[0].text
    assert index.search(query, limit=5) == index.search(query, limit=100)[:5]


def test_endings_case_and_accents_do_not_matter(tmp_path: Path) -> None:
    passages = [
        _passage("a", "Pleural effusions blunt the angle."),
        _passage("b", "Wilhelm Röntgen", title="X-rays"),
    ]
    index = Bm25.build(passages, tmp_path / "index")
    for query, best in [("EFFUSION", "a"), ("blunted", "a"), ("rontgen", "b"), ("x-ray", "b")]:
        assert [passages[row].id for row, _ in index.search(query, limit=5)] == [best]


def test_equal_scores_are_ordered_by_row(tmp_path: Path) -> None:
    index = Bm25.build([_passage(id_, "same words") for id_ in "cab"], tmp_path / "index")
    assert [row for row, _ in index.search("words", limit=3)] == [0, 1, 2]


@pytest.fixture(scope="module")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Bm25:
    passages = [_passage("a", "heart and lung or skin not bone"), _passage("b", "to be in it")]
    return Bm25.build(passages, tmp_path_factory.mktemp("lexical") / "index")


@settings(deadline=None)
@given(query=st.text(max_size=40) | st.text(alphabet=string.punctuation + " ANDORTOIN", max_size=30))
def test_no_query_is_syntax(small_index: Bm25, query: str) -> None:
    assert {row for row, _ in small_index.search(query, limit=5)} <= {0, 1}


@pytest.mark.parametrize(
    "query", ['"lung', "lung:", "(lung", "lung?", "body:lung", "-lung", "lung^9", "lung AND NOT lung"]
)
def test_words_are_found_whatever_signs_stand_around_them(small_index: Bm25, query: str) -> None:
    assert [row for row, _ in small_index.search(query, limit=5)][:1] == [0]


@pytest.mark.parametrize("query", ["", " ", "?!", "absent"])
def test_a_query_without_known_words_has_no_hits(small_index: Bm25, query: str) -> None:
    assert small_index.search(query, limit=5) == []


def test_an_index_opens_as_it_was_built(tmp_path: Path) -> None:
    passages = _random_passages(50, seed=3)
    built = Bm25.build(passages, tmp_path / "deep" / "index")
    opened = Bm25(tmp_path / "deep" / "index")
    assert opened.search(passages[7].text, limit=50) == built.search(passages[7].text, limit=50)
    assert len(opened) == len(built) == 50


def test_the_same_passages_give_the_same_hits(tmp_path: Path) -> None:
    passages = _random_passages(200, seed=6)
    queries = [passage.text for passage in passages[:20]]
    one, two = (Bm25.build(passages, tmp_path / name) for name in ("a", "b"))
    assert [one.search(each, limit=9) for each in queries] == [two.search(each, limit=9) for each in queries]
