"""The stage `index` for a literature of which most is indexed: a version that adds, replaces and deletes."""

from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.store import IndexStore
from pipelines.refreshing.literature import LiteratureChange
from pipelines.run import Run
from pipelines.stages.index import VECTORS, passage_encoder
from pipelines.weights import cache_directory


def update_index(staged: Run, change: LiteratureChange) -> None:
    """Embeds and indexes what is new; takes out what is gone."""
    store = IndexStore(staged.path("index"))
    if change.fresh:
        store.add(change.fresh, embedding=embedding(staged))
    if change.gone:
        store.delete(change.gone)


def embedding(staged: Run) -> Embedding | None:
    """As the run embeds, from the same cache."""
    if not staged.config.retrieval.dense:
        return None
    return Embedding(
        passage_encoder(staged),
        cache=cache_directory() / VECTORS,
        progress=staged.reporter.work("embed", "passages"),
    )
