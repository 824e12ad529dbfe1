"""The indexes over the passages, and the retriever that reads them."""

from knowledge.passages import read_passages
from knowledge.retrieval.dense import DenseIndex
from knowledge.retrieval.encoder import MeanPoolingEncoder
from knowledge.retrieval.fusion import Fusion
from knowledge.retrieval.hits import Retriever
from knowledge.retrieval.lexical import LexicalIndex
from knowledge.retrieval.vector_cache import VectorCache
from pipelines.directories import new_directory
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights


def index(run: Run) -> None:
    """BM25 over all passages, and vectors where configured."""
    passages = read_passages(run.path("passages.jsonl"))
    with new_directory(run.path("index")) as directory:
        LexicalIndex.build(passages, directory / "lexical")
        if run.config.retrieval.dense:
            DenseIndex.build(
                passages,
                passage_encoder(run),
                directory / "dense",
                cache=VectorCache(cache_directory() / "passage_vectors.sqlite"),
                progress=run.reporter.work("embed", "passages"),
            )


def passage_encoder(run: Run) -> MeanPoolingEncoder:
    """The encoder of passages and questions."""
    return MeanPoolingEncoder(find_weights(run.config.retrieval.encoder))


def open_retriever(run: Run) -> Retriever:
    """What `index` built."""
    lexical = LexicalIndex.open(run.path("index/lexical"))
    if not run.config.retrieval.dense:
        return lexical
    dense = DenseIndex.open(run.path("index/dense"), passage_encoder(run))
    return Fusion([lexical, dense], constant=run.config.retrieval.fusion_constant)
