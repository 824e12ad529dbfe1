"""The index over the passages, and the retriever that searches it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from knowledge.passage_file import PassageFile
from knowledge.retrieval.article_encoder import load_encoder
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.encoder import MeanPoolingEncoder, PassageEncoder
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.kinds import Kind, choose, parse_size
from knowledge.retrieval.reader import StoreReader
from knowledge.retrieval.reranking import CrossEncoder
from knowledge.retrieval.shards import AT_ONCE, cached_vectors
from knowledge.retrieval.store import IndexStore
from knowledge.retrieval.vector_cache import VectorCache
from pipelines.directories import new_directory
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights

log = logging.getLogger("knobo")

VECTORS = "passage_vectors.sqlite"


def index(run: Run) -> None:
    """Words of all passages, and vectors where configured; built anew, so that history leaves no trace."""
    section = run.config.retrieval
    passages = PassageFile(run.path("passages.jsonl"))
    embedding = budget = None
    kind = None if section.index == "auto" else Kind(section.index)
    if section.dense:
        embedding = Embedding(
            passage_encoder(run),
            cache=cache_directory() / VECTORS,
            progress=run.reporter.work("embed", "passages"),
        )
        budget = parse_size(section.memory_budget) if section.memory_budget else None
        size = max(1, len(passages))
        dimension = embedding.encoder.dimension
        log.info("%s", choose(vectors=size, dimension=dimension, budget=budget, kind=kind))
    with new_directory(run.path("index")) as directory:
        IndexStore(directory).build(
            passages.values(),
            embedding=embedding,
            kind=kind,
            memory_budget=budget,
            target=section.recall,
        )


def embed_part(run: Run, part: int, parts: int) -> None:
    """Vectors of every `parts`-th passage into the cache, ahead of `index`."""
    if not run.config.retrieval.dense:
        return
    encoder, cache = passage_encoder(run), VectorCache(cache_directory() / VECTORS)
    chosen = islice(PassageFile(run.path("passages.jsonl")).values(), part, None, parts)
    while some := list(islice(chosen, AT_ONCE)):
        cached_vectors(some, encoder, cache)


def passage_encoder(run: Run) -> PassageEncoder:
    """The encoder of passages and queries."""
    return load_encoder(find_weights(run.config.retrieval.encoder))


def question_encoder(run: Run) -> MeanPoolingEncoder:
    """The encoder that judges whether two questions are alike."""
    return MeanPoolingEncoder(find_weights(run.config.screening.encoder))


@dataclass(frozen=True, slots=True)
class Filtered:
    """A `Retriever` over the passages that fulfil the configured conditions."""

    reader: StoreReader
    among: Filter

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query."""
        return self.reader.search(queries, limit=limit, among=self.among)


def open_retriever(run: Run) -> Filtered:
    """What `index` built."""
    section = run.config.retrieval
    reader = StoreReader(
        run.path("index"),
        encoder=passage_encoder(run) if section.dense else None,
        reranker=CrossEncoder(section.reranker) if section.reranker else None,
        constant=section.fusion_constant,
    )
    among = Filter(
        sources=section.sources,
        licenses=section.licenses,
        year_from=section.year_from,
        year_to=section.year_to,
        retracted=section.retracted,
    )
    return Filtered(reader, among)
