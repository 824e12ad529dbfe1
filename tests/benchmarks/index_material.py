"""A million passages with vectors for the index benchmark, made from the real ones of `../shared/data`.

Vectors: each is a random mixture (Dirichlet, 0.5) of a real passage vector and four of its 30 nearest
neighbours, plus noise with the covariance of what real vectors differ by from the mean of their ten nearest
neighbours, half as large, scaled to length 1: neighbourhoods stay as real ones are, and no two are the same.
Texts: four to eight real sentences drawn at random, under a title of the row number and one sentence more.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import models.torchvision_operators  # noqa: F401  # before transformers
from knowledge.passages import Document, Passage, Section, chunk
from knowledge.retrieval.encoder import MeanPoolingEncoder
from knowledge.retrieval.vector_cache import VectorCache, text_digest
from knowledge.sentences import sentences
from knowledge.sources.markdown import read_markdown
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records
from pipelines.weights import cache_directory, find_weights

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ENOUGH = 3_000  # real vectors to mix from; all that are known where there are more
_NEIGHBOURS, _MIXED, _NOISE = 30, 5, 0.5
_BLOCK = 20_000


def documents() -> Iterator[Document]:
    """All literature of the shared data; PubMedQA without its titles, which are the questions."""
    yield from read_markdown(
        DATA / "textbooks/openstax_anatomy_physiology", source="openstax", license="CC BY 3.0"
    )
    answers = RecordFields(id="id", text=("answer",), title="question")
    yield from read_records(DATA / "textbooks/medquad", source="medquad", license="CC BY 4.0", fields=answers)
    yield from read_pubmed_xml(DATA / "pubmed/xml", source="pubmed", license="NLM")
    yield from abstracts()


def abstracts() -> Iterator[Document]:
    """Abstracts of PubMedQA, titles left out."""
    for record in records():
        sections = tuple(Section(each["label"], each["text"]) for each in record["sections"])
        whole = (*sections, Section("CONCLUSION", record["conclusion"] or ""))
        year = int(record["year"]) if record["year"] else None
        yield Document(f"pmid:{record['pmid']}", "", whole, "pubmedqa", "MIT", year=year)


def records() -> list[dict[str, Any]]:
    """PubMedQA as it lies there."""
    path = DATA / "pubmed/pubmedqa/abstracts.jsonl"
    with path.open("rb") as file:
        return [json.loads(line) for line in file]


def real_passages() -> list[Passage]:
    """All passages of about 1,000 characters."""
    return [passage for document in documents() for passage in chunk(document)]


def encoder() -> MeanPoolingEncoder:
    """all-MiniLM-L6-v2."""
    return MeanPoolingEncoder(find_weights("all-minilm-l6-v2"))


def real_vectors(passages: Sequence[Passage], reader: MeanPoolingEncoder) -> NDArray[np.float32]:
    """Vectors of real passages kept on this machine; where they are fewer than 3,000, more are made now."""
    cache = VectorCache(cache_directory() / "passage_vectors.sqlite")
    kept = cache.everything(reader.digest)
    if len(kept) < ENOUGH:
        texts = list(dict.fromkeys(passage.searchable for passage in passages))[: ENOUGH - len(kept)]
        cache.put(reader.digest, dict(zip(map(text_digest, texts), reader.encode(texts), strict=True)))
        kept = cache.everything(reader.digest)
    return np.unique(kept, axis=0)


def mixed_vectors(real: NDArray[np.float32], count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """New vectors of length 1 with the neighbourhoods of the real ones: `(count, d) float32`."""
    import faiss

    rng = np.random.default_rng(seed)
    width = real.shape[1]
    _, near = faiss.knn(real, real, _NEIGHBOURS + 1, faiss.METRIC_INNER_PRODUCT)
    apart = real - real[near[:, 1:11]].mean(axis=1)
    spread = np.linalg.cholesky(np.cov(apart.T) + 1e-9 * np.eye(width)).astype(np.float32)
    made = np.empty((count, width), dtype=np.float32)
    for start in range(0, count, _BLOCK):
        rows = min(_BLOCK, count - start)
        centre = rng.integers(len(real), size=rows)
        columns = rng.integers(1, _NEIGHBOURS + 1, size=(rows, _MIXED))
        columns[:, 0] = 0
        weight = rng.dirichlet([0.5] * _MIXED, size=rows).astype(np.float32)
        block = _NOISE * (rng.standard_normal((rows, width), dtype=np.float32) @ spread.T)
        for column in range(_MIXED):
            block += weight[:, column : column + 1] * real[near[centre, columns[:, column]]]
        made[start : start + rows] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return made


def mixed_passages(
    real: Sequence[Passage], count: int, *, first: int = 0, seed: int = 0
) -> Iterator[Passage]:
    """New passages of real sentences; the number in the id is the row of the vector."""
    pool = [
        text
        for passage in real
        for span in sentences(passage.text)
        if 20 < len(text := passage.text[span.start : span.end]) < 500
    ]
    rng = np.random.default_rng([seed, first])
    for start in range(0, count, _BLOCK):
        rows = min(_BLOCK, count - start)
        drawn = rng.integers(len(pool), size=(rows, 9)).tolist()
        lengths = rng.integers(4, 9, size=rows).tolist()
        for row, (picked, length) in enumerate(zip(drawn, lengths, strict=True), start=first + start):
            yield Passage(
                id=f"made/{row}#1",
                title=f"{row} {pool[picked[8]]}",
                text=" ".join(pool[i] for i in picked[:length]),
                source=f"source-{row % 7}",
                license="CC0",
                locator=f"row {row}",
                retracted=row % 1000 == 0,
                year=1980 + row % 45,
            )


class MadeEncoder:
    """Gives made passages the vectors that were made for them; free, so that the index alone is measured."""

    digest = "made"

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.dimension = vectors.shape[1]
        self._vectors = vectors

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Queries of the benchmark come as vectors."""
        raise NotImplementedError

    def encode_articles(self, articles: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """By the row number that begins the title."""
        rows = [int(title.split(" ", 1)[0]) for title, _ in articles]
        return self._vectors[rows]
