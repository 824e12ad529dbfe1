"""Which PMIDs a run is about: its slices asked, reconciled with the whole, and compared with what is held."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from knowledge.errors import KnowledgeError, NetworkError
from knowledge.sources.pubmed_api.answers import Found
from knowledge.sources.pubmed_api.client import EntrezClient
from knowledge.sources.pubmed_api.folder import Run
from knowledge.sources.pubmed_api.ledger import Listing, Spent
from knowledge.sources.pubmed_api.settings import PubmedQuery
from knowledge.sources.pubmed_api.slicing import Slice, complete_slices

CHANGE = 0.01  # share by which slices and whole may differ because PubMed changes while we ask
CHANGE_RECORDS = 50  # the same for small results
RETRACTED = "retracted publication"


@dataclass(frozen=True, slots=True)
class Searches:
    """Asks for slices on behalf of a run; what stands in its ledger is not asked again.

    Attributes:
        client: Asks.
        query: For this.
        run: Its ledger keeps the answers.
        count: Requests since the last call.
        window: Records that one search lists at most.
    """

    client: EntrezClient
    query: PubmedQuery
    run: Run
    count: Callable[[], Spent]
    window: int

    @property
    def best(self) -> bool:
        """Whether PubMed's best matches are asked for, which one search can list."""
        return self.query.maximum is not None and self.query.maximum <= self.window

    def ask(self, part: Slice) -> Found:
        """The count of a slice, and its PMIDs where they are complete."""
        known = self.run.ledger.slices.get(part)
        if known is not None:
            return known
        retmax = min(self.query.maximum or self.window, self.window)
        found = self.client.search(self.query.term, part, retmax=retmax, best_first=self.best)
        kept = found if self.best or found.count <= self.window else Found(found.count, (), found.ignored)
        self.run.ledger.add_slice(part, kept, self.count())
        return kept

    def all_of(self, whole: Slice) -> list[Found]:
        """The slices of the whole, newest first, until the maximum of the query is reached.

        Raises:
            NetworkError: They do not add up to the whole.
        """
        if self.best:
            return [self.ask(whole)]
        parts: list[Found] = []
        slices = complete_slices(whole, self.ask, window=self.window, today=self.run.plan.last)
        for _, found in slices:
            parts.append(found)
            if self.query.maximum is not None and sum(each.count for each in parts) >= self.query.maximum:
                return _cut(parts, self.query.maximum)
        self._reconcile(self.ask(whole).count, len(_pmids(parts)))
        return parts

    def within(self, whole: Slice, held: AbstractSet[str]) -> set[str]:
        """Those of `held` that lie in the whole, however many records the query may bring at most."""
        unlimited = replace(self, query=replace(self.query, maximum=None))
        return _pmids(unlimited.all_of(whole)) & held

    def _reconcile(self, whole: int, listed: int) -> None:
        if abs(listed - whole) > max(CHANGE_RECORDS, CHANGE * whole):
            self.run.ledger.forget_slices()
            raise NetworkError(
                f"PubMed counts {whole} records for the whole query and {listed} in its slices: "
                "run again to count anew, or narrow the query."
            )


def list_pmids(
    searches: Searches, held: AbstractSet[str], retracted: AbstractSet[str] = frozenset()
) -> Listing:
    """The PMIDs of a run, settled once for all.

    Args:
        searches: On behalf of the run.
        held: PMIDs of earlier runs.
        retracted: Those of them that were fetched when PubMed called them retracted already.

    Raises:
        KnowledgeError: PubMed finds nothing for the query.
        NetworkError: It does not answer, or its counts do not add up.
    """
    run = searches.run
    if run.ledger.listing is None:
        listing = _first(searches) if run.plan.number == 1 else _update(searches, held, retracted)
        run.ledger.add_listing(listing, searches.count())
    assert run.ledger.listing is not None
    return run.ledger.listing


def _first(searches: Searches) -> Listing:
    run, whole = searches.run, searches.ask(searches.run.plan.whole)
    parts = searches.all_of(run.plan.whole)
    if not whole.count:
        run.ledger.forget_slices()
        ignored = f" (unknown to PubMed: {'; '.join(whole.ignored)})" if whole.ignored else ""
        raise KnowledgeError(
            f"PubMed finds nothing for {searches.query.term!r}{ignored}: correct the query or its dates."
        )
    return _listing(_pmids(parts), whole, parts, total=whole.count, gone=0)


def _update(searches: Searches, held: AbstractSet[str], retracted: AbstractSet[str]) -> Listing:
    """What entered since, what was not given, and what entered with an older Entrez date than its real one.

    Of the records held, those that PubMed changed since, and those newly called retracted: a retraction that
    came with no new date would be missed for good.

    PubMed dates a record back to its publication where it comes more than a year late, so an update by date
    alone would never see it: the count of the whole query tells.
    """
    plan = searches.run.plan
    whole, parts = searches.ask(plan.whole), searches.all_of(plan.whole)
    wanted = _pmids(parts) | set(plan.again)
    since = searches.query.since
    everything = Slice() if since is None else Slice(since, plan.last)
    total = searches.ask(everything).count
    gone = 0
    if searches.query.maximum is None and (total <= searches.window or total != len(held | wanted)):
        found = _pmids(searches.all_of(everything))
        wanted |= found - held
        gone = len(held - found - wanted)
    changed = searches.within(Slice(plan.first, plan.last, dated="mdat"), held)
    called = searches.within(Slice(kind=RETRACTED), held)
    listing = _listing(wanted | changed | (called - retracted), whole, parts, total=total, gone=gone)
    return replace(listing, retracted=tuple(sorted(called, key=int)))


def _pmids(parts: list[Found]) -> set[str]:
    return {pmid for part in parts for pmid in part.pmids}


def _listing(wanted: AbstractSet[str], whole: Found, parts: list[Found], *, total: int, gone: int) -> Listing:
    return Listing(
        pmids=tuple(sorted(wanted, key=int)),
        hits=whole.count,
        listed=len(_pmids(parts)),
        slices=len(parts),
        total=total,
        gone=gone,
        ignored=whole.ignored,
    )


def _cut(parts: list[Found], maximum: int) -> list[Found]:
    """The slices, newest first, without the lowest PMIDs of the last one."""
    *newer, oldest = parts
    room = maximum - sum(part.count for part in newer)
    kept = sorted(oldest.pmids, key=int, reverse=True)[:room]
    return [*newer, Found(len(kept), tuple(kept), oldest.ignored)]
