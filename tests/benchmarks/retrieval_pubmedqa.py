"""Whether a question finds its own abstract: PubMedQA against all passages of `../shared/data`.

A question is the title of its abstract, so the abstract goes into the index without its title: the two share
what words and meaning their authors put into both. A question counts as answered when one of the passages of
its abstract is among the first ten.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from figures import Figure, report
from index_material import encoder, real_passages, records

from knowledge.passages import Passage
from knowledge.retrieval.dense import DenseIndex
from knowledge.retrieval.fusion import CONSTANT, Fusion
from knowledge.retrieval.hits import Hit, Retriever
from knowledge.retrieval.lexical import LexicalIndex
from knowledge.retrieval.vector_cache import VectorCache
from pipelines.weights import cache_directory

AT = 10


def measure() -> dict[str, Figure]:
    """Recall at ten and mean reciprocal rank of each arm and of the fusion."""
    passages = real_passages()
    asked = records()
    questions = [str(record["title"]) for record in asked]
    wanted = [f"pubmedqa/pmid:{record['pmid']}#" for record in asked]
    with tempfile.TemporaryDirectory(prefix="knobo-pubmedqa-") as folder:
        arms = open_arms(passages, Path(folder))
        ranked = {name: arm.search(questions, limit=100) for name, arm in arms.items()}
    how = f"{len(questions)} questions, {len(passages):,} passages, abstracts without titles"
    figures = {
        f"retrieval.recall_at_{AT}_{name}": Figure(recall(hits, wanted), "share of questions", how)
        for name, hits in ranked.items()
    }
    return figures | {
        f"retrieval.mrr_{name}": Figure(reciprocal(hits, wanted), "mean reciprocal rank", how)
        for name, hits in ranked.items()
    }


def open_arms(passages: Sequence[Passage], folder: Path) -> dict[str, Retriever]:
    """Words, vectors, and both fused with the constant that is the default."""
    lexical = LexicalIndex.build(passages, folder / "lexical")
    cache = VectorCache(cache_directory() / "passage_vectors.sqlite")
    dense = DenseIndex.build(passages, encoder(), folder / "dense", cache=cache)
    fusion = Fusion([lexical, dense], constant=CONSTANT)
    return {"lexical": lexical, "dense": dense, "fusion": fusion}


def recall(ranked: Sequence[Sequence[Hit]], wanted: Sequence[str]) -> float:
    """Share of questions with a passage of their abstract among the first ten."""
    found = [first_rank(hits, own) <= AT for hits, own in zip(ranked, wanted, strict=True)]
    return sum(found) / len(found)


def reciprocal(ranked: Sequence[Sequence[Hit]], wanted: Sequence[str]) -> float:
    """Mean of one over the rank of the first right passage."""
    return sum(1 / first_rank(hits, own) for hits, own in zip(ranked, wanted, strict=True)) / len(wanted)


def first_rank(hits: Sequence[Hit], own: str) -> float:
    """Rank of the first passage of the abstract, infinite where there is none."""
    return next((hit.rank for hit in hits if hit.passage_id.startswith(own)), float("inf"))


if __name__ == "__main__":
    report(measure())
