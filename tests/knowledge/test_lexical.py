import math
import random
import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.lexical import LexicalIndex


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
    index = LexicalIndex.build(passages, tmp_path / "index")
    rng = random.Random(1)
    queries = [" ".join(rng.choice(passages).text.split()[:4]) for _ in range(40)]
    for query, hits in zip(queries, index.search(queries, limit=300), strict=True):
        expected = _bm25(passages, query)
        assert {hit.passage_id: hit.score for hit in hits} == pytest.approx(expected, rel=1e-4)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_the_limit_keeps_the_best(tmp_path: Path) -> None:
    passages = _random_passages(100, seed=2)
    index = LexicalIndex.build(passages, tmp_path / "index")
    query = passages[0].text
    assert index.search([query], limit=5)[0] == index.search([query], limit=100)[0][:5]


def test_endings_case_and_accents_do_not_matter(tmp_path: Path) -> None:
    passages = [
        _passage("a", "Pleural effusions blunt the angle."),
        _passage("b", "Wilhelm Röntgen", title="X-rays"),
    ]
    index = LexicalIndex.build(passages, tmp_path / "index")
    for query, best in [("EFFUSION", "a"), ("blunted", "a"), ("rontgen", "b"), ("x-ray", "b")]:
        assert [hit.passage_id for hit in index.search([query], limit=5)[0]] == [best]


def test_equal_scores_are_ordered_by_id(tmp_path: Path) -> None:
    index = LexicalIndex.build([_passage(id_, "same words") for id_ in "cab"], tmp_path / "index")
    assert [hit.passage_id for hit in index.search(["words"], limit=3)[0]] == ["a", "b", "c"]


@pytest.fixture(scope="module")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    passages = [_passage("a", "heart and lung or skin not bone"), _passage("b", "to be in it")]
    return LexicalIndex.build(passages, tmp_path_factory.mktemp("lexical") / "index")


@settings(deadline=None)
@given(query=st.text(max_size=40) | st.text(alphabet=string.punctuation + " ANDORTOIN", max_size=30))
def test_no_query_is_syntax(small_index: LexicalIndex, query: str) -> None:
    (hits,) = small_index.search([query], limit=5)
    assert {hit.passage_id for hit in hits} <= {"a", "b"}


@pytest.mark.parametrize(
    "query", ['"lung', "lung:", "(lung", "lung?", "body:lung", "-lung", "lung^9", "lung AND NOT lung"]
)
def test_words_are_found_whatever_signs_stand_around_them(small_index: LexicalIndex, query: str) -> None:
    assert [hit.passage_id for hit in small_index.search([query], limit=5)[0]][:1] == ["a"]


@pytest.mark.parametrize("query", ["", " ", "?!", "absent"])
def test_a_query_without_known_words_has_no_hits(small_index: LexicalIndex, query: str) -> None:
    assert small_index.search([query], limit=5) == [[]]


def test_an_index_opens_as_it_was_built_and_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "index"
    passages = _random_passages(50, seed=3)
    first = LexicalIndex.build(passages, path)
    query = [passages[7].text]
    assert LexicalIndex.open(path).search(query, limit=50) == first.search(query, limit=50)
    assert len(LexicalIndex.build(passages[:10], path)) == len(LexicalIndex.open(path)) == 10
    assert [each.name for each in path.parent.iterdir()] == ["index"]


def test_the_same_passages_give_the_same_hits(tmp_path: Path) -> None:
    passages = _random_passages(200, seed=6)
    queries = [passage.text for passage in passages[:20]]
    one, two = (LexicalIndex.build(passages, tmp_path / name).search(queries, limit=9) for name in ("a", "b"))
    assert one == two


def test_a_failed_build_leaves_the_old_index(tmp_path: Path) -> None:
    LexicalIndex.build(_random_passages(5, seed=4), tmp_path / "index")
    with pytest.raises(KnowledgeError, match="no passages to index"):
        LexicalIndex.build([], tmp_path / "index")
    assert len(LexicalIndex.open(tmp_path / "index")) == 5
    assert [each.name for each in tmp_path.iterdir()] == ["index"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(KnowledgeError, match="holds files that are no index"):
        LexicalIndex.build(_random_passages(5, seed=4), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_missing_foreign_or_damaged_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with pytest.raises(KnowledgeError, match=r"There is no lexical index in .*: build it first"):
        LexicalIndex.open(path)
    LexicalIndex.build(_random_passages(5, seed=5), path)
    about = (path / "about.json").read_text()
    for text, message in [
        ("{", "damaged"),
        (about.replace("lexical", "dense"), "holds no lexical index"),
        (about.replace('"passages": 5', '"passages": 6'), r"damaged \(5 of 6 passages\)"),
    ]:
        (path / "about.json").write_text(text)
        with pytest.raises(KnowledgeError, match=message):
            LexicalIndex.open(path)
    (path / "about.json").write_text(about)
    (path / "meta.json").write_text("{}")
    with pytest.raises(KnowledgeError, match=r"damaged .*delete it and build it again"):
        LexicalIndex.open(path)
