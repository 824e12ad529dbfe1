"""The run's own index, searched in a thread of its own, bounded in number and time."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastapi import HTTPException

from knowledge.errors import KnowledgeError, UnknownNameError
from knowledge.passages import Passage
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.quoting import telling_sentence
from knowledge.retrieval.reader import StoreReader
from pipelines.api.metrics import Metrics
from pipelines.api.settings import Limits
from pipelines.run import Run
from pipelines.stages.index import open_retriever

log = logging.getLogger("knobo.api")


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that answers a query.

    Attributes:
        rank: From 1.
        score: The larger the better; comparable within one search only.
        passage: It.
        quote: Its sentence that shares most words with the query.
    """

    rank: int
    score: float
    passage: Passage
    quote: str


class Searcher:
    """Of one run.

    Args:
        reader: Of its index; none where the run has none.
        limits: How many, and how long.
        metrics: Where those waiting are counted.
    """

    def __init__(self, reader: StoreReader | None, limits: Limits, metrics: Metrics) -> None:
        self.reader, self.limits, self.metrics = reader, limits, metrics
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self.inside = 0
        metrics.passages.set(len(reader) if reader else 0)

    async def search(self, query: str, *, limit: int, among: Filter) -> Sequence[Found]:
        """The best passages, best first.

        Raises:
            HTTPException: There is no index, or it is damaged; no such source or licence; too many wait,
                or it takes too long.
        """
        if self.reader is None:
            raise HTTPException(409, "the run has no index to search; `knobo run` makes it")
        if self.inside >= self.limits.searches:
            raise HTTPException(
                503, "too many searches are waiting; send it again in a second", {"Retry-After": "1"}
            )
        self.inside += 1
        self.metrics.searching.set(self.inside)
        work = asyncio.get_running_loop().run_in_executor(
            self.thread, found_in, self.reader, query, limit, among
        )
        work.add_done_callback(self.leave)  # not when the client is answered: the thread may still be at it
        try:
            return await asyncio.wait_for(asyncio.shield(work), self.limits.seconds_to_answer)
        except UnknownNameError as error:
            raise HTTPException(404, str(error)) from error
        except KnowledgeError as error:  # a sentence for who keeps the server: it names files
            log.error("a search failed", exc_info=error)  # noqa: TRY400 - the kind is in it
            raise HTTPException(
                500, "the index cannot be searched; the log of the server says why"
            ) from error
        except TimeoutError as error:
            raise HTTPException(504, "the search took too long; send it again later") from error

    def leave(self, work: "asyncio.Future[Sequence[Found]]") -> None:
        """Makes room for the next one."""
        self.inside -= 1
        self.metrics.searching.set(self.inside)
        if not work.cancelled():
            work.exception()  # whoever asked may have left

    def close(self) -> None:
        """Ends the thread after what it is at."""
        self.thread.shutdown()


def found_in(reader: StoreReader, query: str, limit: int, among: Filter) -> Sequence[Found]:
    """In the thread."""
    (hits,) = reader.search([query], limit=limit, among=among)
    passages = reader.passages([hit.passage_id for hit in hits])
    return [
        Found(hit.rank, hit.score, passage, telling_sentence(passage, query))
        for hit, passage in zip(hits, passages, strict=True)
    ]


def open_reader(run: Run) -> StoreReader | None:
    """Of a run's index; none where the run was made without one.

    Raises:
        KnowledgeError: The index is damaged.
    """
    return open_retriever(run).reader if run.path("index").is_dir() else None
