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
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.reader import OpenVersion, StoreReader
from knowledge.retrieval.store import IndexStore
from pipelines.weights import cache_directory

AT = 10


def measure() -> dict[str, Figure]:
    """Recall at ten and mean reciprocal rank of each arm and of the fusion."""
    passages = real_passages()
    asked = records()
    questions = [str(record["title"]) for record in asked]
    wanted = [f"pubmedqa/pmid:{record['pmid']}#" for record in asked]
    with tempfile.TemporaryDirectory(prefix="knobo-pubmedqa-") as folder:
        ranked = rankings(passages, questions, Path(folder))
    how = f"{len(questions)} questions, {len(passages):,} passages, abstracts without titles"
    figures = {
        f"retrieval.recall_at_{AT}_{name}": Figure(recall(found, wanted), "share of questions", how)
        for name, found in ranked.items()
    }
    return figures | {
        f"retrieval.mrr_{name}": Figure(reciprocal(found, wanted), "mean reciprocal rank", how)
        for name, found in ranked.items()
    }


def rankings(
    passages: Sequence[Passage], questions: Sequence[str], folder: Path
) -> dict[str, list[list[Hit]]]:
    """By words, by vectors, and by both fused with the constant that is the default."""
    embedding = Embedding(encoder(), cache=cache_directory() / "passage_vectors.sqlite")
    manifest = IndexStore(folder).build(passages, embedding=embedding)
    version = OpenVersion.of(folder / f"versions/{manifest.version:06}", dense=True)
    among, vectors = Filter(), embedding.encoder.encode(questions)
    by_words = [version.by_words(question, limit=100, among=among) for question in questions]
    return {
        "lexical": hits(passages, by_words),
        "dense": hits(passages, version.by_vectors(vectors, limit=100, among=among)),
        "fusion": StoreReader(folder, encoder=embedding.encoder).search(questions, limit=100),
    }


def hits(passages: Sequence[Passage], ranked: Sequence[Sequence[int]]) -> list[list[Hit]]:
    """Rows, which count the passages as they came, as hits."""
    return [
        [Hit(passages[row].id, 1 / rank, rank) for rank, row in enumerate(rows, start=1)] for rows in ranked
    ]


def recall(ranked: Sequence[Sequence[Hit]], wanted: Sequence[str]) -> float:
    """Share of questions with a passage of their abstract among the first ten."""
    found = [first_rank(each, own) <= AT for each, own in zip(ranked, wanted, strict=True)]
    return sum(found) / len(found)


def reciprocal(ranked: Sequence[Sequence[Hit]], wanted: Sequence[str]) -> float:
    """Mean of one over the rank of the first right passage."""
    return sum(1 / first_rank(each, own) for each, own in zip(ranked, wanted, strict=True)) / len(wanted)


def first_rank(found: Sequence[Hit], own: str) -> float:
    """Rank of the first passage of the abstract, infinite where there is none."""
    return next((hit.rank for hit in found if hit.passage_id.startswith(own)), float("inf"))


if __name__ == "__main__":
    report(measure())
