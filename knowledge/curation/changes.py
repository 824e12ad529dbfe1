"""What a clinician can do to a bank; each change holds enough to be read, repeated and undone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from knowledge.curation.concept_changes import Add, Drop, Edit, Merge
from knowledge.curation.draft import Draft
from knowledge.curation.sign_change import Sign


class Change(Protocol):
    """One change; applied to what discovery finds today, which may differ from what it was made on."""

    def apply(self, draft: Draft) -> None:
        """Change the draft; what cannot be applied is noted there."""
        ...

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """Concepts that it concerns, as they were called before and after."""
        ...

    def describe(self) -> str:
        """One line for the history."""
        ...


@dataclass(frozen=True, slots=True)
class Undo:
    """Entries that no longer count; undoing an undo makes them count again."""

    numbers: tuple[int, ...]

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """None of its own."""
        return ()

    def apply(self, draft: Draft) -> None:
        """Nothing: the entries it names are left out before."""

    def describe(self) -> str:
        """The numbers."""
        return f"entry {', '.join(map(str, self.numbers))} undone"

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Undo":
        """From its JSON."""
        return cls(tuple(int(each) for each in row["numbers"]))


KINDS: dict[str, type[Edit | Merge | Drop | Add | Sign | Undo]] = {
    "edit": Edit,
    "merge": Merge,
    "drop": Drop,
    "add": Add,
    "sign": Sign,
    "undo": Undo,
}
"""Changes by their name in the journal."""


def name_of(change: Change) -> str:
    """Its name in the journal."""
    return type(change).__name__.lower()


def to_row(change: Change) -> dict[str, Any]:
    """As JSON."""
    assert isinstance(change, (Edit, Merge, Drop, Add, Sign, Undo))
    return {"change": name_of(change), **asdict(change)}
