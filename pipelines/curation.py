"""The concept bank of a run as it stands with people's changes, and the ways to change it."""

import getpass
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept, ConceptBank, ids_by_former_id
from knowledge.curation.changes import Change
from knowledge.curation.journal import Entry, active, append, read_journal
from knowledge.curation.lookup import by_prefix
from knowledge.curation.replay import Curated, anchored, replay
from knowledge.curation.signed_bank import GIVEN, AsOf, SignedBank
from knowledge.passage_file import PassageFile
from knowledge.priors import load_prior, read_overrides
from knowledge.priors.table import Override
from pipelines.bank_artifacts import DISCOVERED, JOURNAL, SIGNS
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.status import open_finished


@dataclass(frozen=True)
class OpenBank:
    """A run's bank, read once.

    Attributes:
        run: The run.
        discovered: What discovery found.
        entries: The journal.
        curated: The bank in force.
    """

    run: Run
    discovered: ConceptBank
    entries: tuple[Entry, ...]
    curated: Curated

    @property
    def bank(self) -> ConceptBank:
        """The concepts in force."""
        return self.curated.bank

    @property
    def counting(self) -> tuple[Entry, ...]:
        """Entries of the journal that are not undone."""
        numbers = active(self.entries)
        return tuple(entry for entry in self.entries if entry.number in numbers)

    @cached_property
    def passages(self) -> PassageFile:
        """The run's literature."""
        return PassageFile(self.run.path("passages.jsonl"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the run's classes."""
        return tuple(item.name for item in self.run.config.classes)

    @property
    def class_terms(self) -> tuple[ClassTerms, ...]:
        """Classes with the words by which literature names them."""
        return tuple(
            ClassTerms(item.name, item.words, normal=item.normal, general=item.general)
            for item in self.run.config.classes
        )

    def find(self, prefix: str) -> Concept:
        """The concept meant by an id, the beginning of one, or its last eight letters."""
        return by_prefix(self.bank, prefix)

    @cached_property
    def signs(self) -> Mapping[tuple[str, str], Override]:
        """Signs in force by (concept id, class): of the last run, and what people gave since."""
        return _signs_of(self.run, self.curated)

    @property
    def signed(self) -> SignedBank:
        """The bank with all its signs."""
        return SignedBank(
            self.bank,
            self.classes,
            tuple(self.signs.values()),
            self._as_of(len(self.entries)),
            place=str(self.run.directory),
        )

    def exported(self, as_of: AsOf | None) -> SignedBank | None:
        """The bank as it was when a file was exported from it; None for a file from elsewhere."""
        if as_of is None or as_of.entries > len(self.entries):
            return None
        if not as_of.same_run(self._as_of(as_of.entries)):
            return None
        then = anchored(replay(self.discovered, self.entries[: as_of.entries]), self.passages)
        return SignedBank(then.bank, self.classes, tuple(_signs_of(self.run, then).values()), as_of)

    def _as_of(self, number: int) -> AsOf:
        """The state after an entry of the journal."""
        digest = hashlib.sha256("\n".join(self.discovered.ids).encode()).hexdigest()[:16]
        return AsOf(number, self.entries[number - 1].digest if number else "-", digest)

    @property
    def waits(self) -> bool:
        """Whether changes have not gone through the run yet."""
        path = self.run.path("concepts.jsonl")
        if not path.is_file() or list(ConceptBank.load(path)) != list(self.bank):
            return True
        given = {(each.concept_id, each.class_name, each.sign) for each in self.curated.signs}
        return given != {(each.concept_id, each.class_name, each.sign) for each in _given_then(self.run)}

    def record(self, changes: Sequence[Change], *, who: str | None, reason: str) -> tuple[Entry, ...]:
        """Writes changes to the journal, after making sure that they leave a bank.

        Raises:
            PipelineError: Nothing would be left.
        """
        if not len(replay(self.discovered, [*self.entries, *self.trial(changes)]).bank):
            raise PipelineError("that would leave no concept in the bank; keep at least one")
        path = self.run.path(JOURNAL)
        return append(path, changes, who=who or user_name(), reason=reason, seen=len(self.entries))

    def trial(self, changes: Sequence[Change]) -> list[Entry]:
        """Entries that the changes would become."""
        first = len(self.entries) + 1
        return [Entry(number, "", "", "", change) for number, change in enumerate(changes, start=first)]


def open_bank(directory: Path) -> OpenBank:
    """The bank of a run directory.

    Raises:
        PipelineError: The directory holds no run, or one that has found no concepts yet.
    """
    run = open_run(directory)
    found = next((name for name in (DISCOVERED, "concepts.jsonl") if run.path(name).is_file()), None)
    if found is None:
        raise PipelineError(f"{directory} has no concepts yet; run its configuration with `knobo run` first")
    discovered, entries = ConceptBank.load(run.path(found)), read_journal(run.path(JOURNAL))
    if entries and found != DISCOVERED:
        raise PipelineError(
            f"{directory} has changes of its bank but no {DISCOVERED}, to which they belong; run its "
            "configuration with `knobo run` first"
        )
    curated = replay(discovered, entries)
    if entries:
        curated = anchored(curated, PassageFile(run.path("passages.jsonl")))
    return OpenBank(run, discovered, entries, curated)


def open_run(directory: Path) -> Run:
    """The run of a directory that may have a bank.

    Raises:
        PipelineError: It holds no run, or one that an earlier version made.
    """
    bank = directory / "concepts.jsonl"
    if bank.is_file() and not (directory / "config.toml").is_file():
        raise PipelineError(
            f"{directory} was made by an earlier version (it has {bank.name} but no config.toml); run its "
            f"configuration again with `knobo run`, then `knobo concepts import` takes over {bank}"
        )
    return open_finished(directory)


def user_name() -> str:
    """Of the person at the keyboard."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user table
        return "unknown"


def _signs_of(run: Run, curated: Curated) -> dict[tuple[str, str], Override]:
    """Of the last run, and what people gave since."""
    signs = _signs_of_last_run(run, curated.bank)
    for each in curated.signs:
        key = each.concept_id, each.class_name
        if each.source == "expert" or key not in signs or signs[key].source != "expert":
            signs[key] = each
    return signs


def _signs_of_last_run(run: Run, bank: ConceptBank) -> dict[tuple[str, str], Override]:
    """Of `prior.csv`, without what the journal gave then: it may have been taken back since.

    A model's sign was worked out for a question as it was worded, so it does not pass to another wording.
    """
    path, then = run.path("prior.csv"), run.path("concepts.jsonl")
    if not path.is_file() or not then.is_file():
        return {}
    before, classes = ConceptBank.load(then), [item.name for item in run.config.classes]
    prior = load_prior(path, classes=classes, bank=before)
    given = {(each.concept_id, each.class_name, each.source) for each in _given_then(run)}
    today = ids_by_former_id(bank)
    signs: dict[tuple[str, str], Override] = {}
    for k, name in enumerate(prior.classes):
        for c, concept_id in enumerate(prior.concept_ids):
            source, now = prior.source[k][c], today.get(concept_id)
            passes = now == concept_id or source in GIVEN
            if now is None or not passes or source == "none":
                continue
            hidden = (now, name) in signs and signs[now, name].source == "expert" != source
            if (concept_id, name, source) not in given and not hidden:
                signs[now, name] = Override(name, now, float(prior.sign[k, c]), source)
    return signs


def _given_then(run: Run) -> tuple[Override, ...]:
    """The journal's signs when the run last went through."""
    path = run.path(SIGNS)
    if not path.is_file():
        return ()
    classes = [item.name for item in run.config.classes]
    return read_overrides(path, classes=classes, bank=ConceptBank.load(run.path("concepts.jsonl")))
