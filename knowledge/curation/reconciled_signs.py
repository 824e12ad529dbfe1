"""What a file changes in the signs that people gave."""

from collections.abc import Iterator

from knowledge.concepts import Concept
from knowledge.curation.sign_change import EXPERT, IMPORTED, Sign
from knowledge.curation.signed_bank import GIVEN, SignedBank
from knowledge.errors import KnowledgeError
from knowledge.priors.table import Override

Given = tuple[float, str] | None
"""Sign and source, where people gave one."""


class Signs:
    """The signs of a file beside those that it was exported with and those of today."""

    def __init__(self, edited: SignedBank, current: SignedBank, base: SignedBank | None) -> None:
        """Today's are kept up while changes are made."""
        self.edited = edited
        self.exported = edited.complete and base is not None
        self.theirs, self.ours = edited.by_cell(), current.by_cell()
        self.then = base.by_cell() if base is not None else {}

    def of(self, row: Concept, today: str | None, after: Concept) -> Iterator[Sign]:
        """Changes for one row; `today` is the id that the current bank has for it."""
        for name in self.edited.classes:
            new = given(self.theirs.get((row.id, name)))
            now = given(self.ours.get((today, name))) if today is not None else None
            if not self._asks(row, name, new, now):
                continue
            value, source = new if new is not None else (None, now[1] if now is not None else EXPERT)
            before = now[0] if now is not None else None
            if today is not None:
                self._keep_up(today, name, new)
            yield Sign(after.id, after.question, name, before, value, source)

    def _asks(self, row: Concept, name: str, new: Given, now: Given) -> bool:
        """Whether the file wants another sign than there is.

        Raises:
            KnowledgeError: File and bank both changed it since the export.
        """
        weaker = new is not None and now is not None and (new[1], now[1]) == (IMPORTED, EXPERT)
        if new == now or weaker:
            return False
        if not self.exported:
            return new is not None
        old = given(self.then.get((row.id, name)))
        if new == old:
            return False
        if now != old:
            raise KnowledgeError(
                f"{self.edited.where(row.id)} has {told(new)} for {name}, which became {told(now)} in the "
                "bank since the export; export the bank again and edit that."
            )
        return True

    def _keep_up(self, today: str, name: str, new: Given) -> None:
        if new is None:
            self.ours.pop((today, name), None)
        else:
            self.ours[today, name] = Override(name, today, *new)


def given(sign: Override | None) -> Given:
    """What people gave; None for a model's sign."""
    return (sign.sign, sign.source) if sign is not None and sign.source in GIVEN else None


def told(sign: Given) -> str:
    """For a message."""
    return f"{sign[0]:+g}" if sign is not None else "no sign"
