"""Which PMIDs a run is about: its slices asked and reconciled with the whole."""

from collections.abc import Callable
from dataclasses import dataclass

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api.answers import Found
from knowledge.sources.pubmed_api.client import EntrezClient
from knowledge.sources.pubmed_api.folder import Run
from knowledge.sources.pubmed_api.ledger import Spent
from knowledge.sources.pubmed_api.settings import WINDOW, PubmedQuery
from knowledge.sources.pubmed_api.slicing import Slice, complete_slices

CHANGE = 0.01  # share by which slices and whole may differ because PubMed changes while we ask
CHANGE_RECORDS = 50  # the same for small results


@dataclass(frozen=True, slots=True)
class Listing:
    """The outcome of all searches of a run.

    Attributes:
        pmids: What to fetch, ascending.
        hits: Count of the whole.
        listed: Sum of the counts of the slices.
        slices: How many slices.
        ignored: Parts of the query that PubMed does not know.
    """

    pmids: tuple[str, ...]
    hits: int
    listed: int
    slices: int
    ignored: tuple[str, ...]


def list_pmids(
    client: EntrezClient, query: PubmedQuery, run: Run, count: Callable[[], Spent], *, window: int = WINDOW
) -> Listing:
    """The PMIDs of a run; slices in its ledger are not asked again.

    Raises:
        KnowledgeError: The slices do not add up to the whole.
    """
    best = query.maximum is not None and query.maximum <= window
    retmax = min(query.maximum or window, window) if best else window

    def ask(part: Slice) -> Found:
        found = run.ledger.slices.get(part)
        if found is None:
            found = client.search(query.term, part, retmax=retmax, best_first=best)
            kept = found if best or found.count <= window else Found(found.count, (), found.ignored)
            run.ledger.add_slice(part, kept, count())
        return found

    whole = ask(run.plan.whole)
    if best:
        return _listing(run, whole, [whole])
    parts: list[Found] = []
    for _, found in complete_slices(run.plan.whole, ask, window=window, today=run.plan.last):
        parts.append(found)
        if query.maximum is not None and sum(part.count for part in parts) >= query.maximum:
            return _listing(run, whole, _cut(parts, query.maximum))
    _reconcile(run, whole, parts)
    return _listing(run, whole, parts)


def _cut(parts: list[Found], maximum: int) -> list[Found]:
    """The slices, newest first, without the lowest PMIDs of the last one."""
    *newer, oldest = parts
    room = maximum - sum(part.count for part in newer)
    kept = sorted(oldest.pmids, key=int, reverse=True)[:room]
    return [*newer, Found(len(kept), tuple(kept), oldest.ignored)]


def _reconcile(run: Run, whole: Found, parts: list[Found]) -> None:
    listed = sum(part.count for part in parts)
    if abs(listed - whole.count) > max(CHANGE_RECORDS, CHANGE * whole.count):
        run.ledger.forget_slices()
        raise KnowledgeError(
            f"PubMed counts {whole.count} records for the whole query and {listed} in its slices: "
            "run again to count anew, or narrow the query."
        )


def _listing(run: Run, whole: Found, parts: list[Found]) -> Listing:
    pmids = {pmid for part in parts for pmid in part.pmids} | set(run.plan.again)
    return Listing(
        tuple(sorted(pmids, key=int)), whole.count, sum(p.count for p in parts), len(parts), whole.ignored
    )
