"""What people decide on proposals: accepted ones are added by the journal, the others dropped for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.concepts import Concept, ConceptBank
from knowledge.curation.concept_changes import Add, Drop
from knowledge.curation.journal import Entry
from knowledge.curation.lookup import by_prefix
from pipelines.curation import OpenBank, open_bank, open_run
from pipelines.errors import PipelineError
from pipelines.refreshing.entering import complete_entering, enter
from pipelines.refreshing.kept import read_flags, read_proposals, undecided
from pipelines.refreshing.outcome import Flag, Proposal
from pipelines.refreshing.staging import waits
from pipelines.run import Run


@dataclass(frozen=True, slots=True)
class Review:
    """What waits for a person.

    Attributes:
        proposals: Without a decision.
        flags: Quotations in force whose articles were withdrawn.
        literature: Whether refreshed literature is not in the run yet.
    """

    proposals: tuple[Proposal, ...]
    flags: tuple[Flag, ...]
    literature: bool


def open_review(directory: Path) -> Review:
    """Of a run."""
    opened = open_bank(directory)
    return Review(undecided(read_proposals(opened.run), opened), read_flags(opened.run), waits(opened.run))


def accept(
    directory: Path, prefixes: Sequence[str] | None = None, *, who: str | None = None, reason: str = ""
) -> tuple[Entry, ...]:
    """Adds proposals to the bank and puts the refreshed literature in force.

    Args:
        directory: Of the run.
        prefixes: Ids of concepts, or their beginnings; all that wait without them.
        who: Name for the journal.
        reason: Why, for the journal.
    """
    run = open_run(directory)
    with run.locked():
        complete_entering(run)
        chosen = _chosen(open_bank(directory), prefixes)
        enter(run)
        return enter_concepts(run, chosen, who=who, reason=reason)


def enter_concepts(
    run: Run, concepts: Sequence[Concept], *, who: str | None, reason: str
) -> tuple[Entry, ...]:
    """Writes them to the journal; their quotations stand in the literature that is in force now."""
    if not concepts:
        return ()
    return open_bank(run.directory).record([Add(each) for each in concepts], who=who, reason=reason)


def reject(
    directory: Path, prefixes: Sequence[str], *, who: str | None = None, reason: str = ""
) -> tuple[Entry, ...]:
    """Turns proposals down; neither a refresh nor a discovery brings them back."""
    run = open_run(directory)
    with run.locked():
        complete_entering(run)
        opened = open_bank(directory)
        return opened.record([Drop(each) for each in _chosen(opened, prefixes)], who=who, reason=reason)


def require_waiting(directory: Path, prefixes: Sequence[str]) -> None:
    """Refuses ids that no single proposal has, and one that is named twice, before anything is written.

    Raises:
        KnowledgeError: An id is none of a proposal that waits, or of several.
        PipelineError: The same proposal is meant twice.
    """
    if len(_chosen(open_bank(directory), prefixes)) < len(prefixes):
        raise PipelineError("the same proposal is named twice; name each once, to take in or to turn down")


def _chosen(opened: OpenBank, prefixes: Sequence[str] | None) -> list[Concept]:
    concepts = [each.concept for each in undecided(read_proposals(opened.run), opened)]
    if prefixes is None:
        return concepts
    bank = ConceptBank(tuple(concepts))
    return list(dict.fromkeys(by_prefix(bank, each, of="the proposals") for each in prefixes))
