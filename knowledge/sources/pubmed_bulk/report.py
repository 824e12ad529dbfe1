"""What a reading of all files found: so that nothing that is left out is left out silently."""

from dataclasses import dataclass, field

NAMED = 100
"""Bad records and vanished PMIDs named one by one; of more only the number is kept: the list cannot grow."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be read: `file` line `line` `reason`."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line} {self.reason}"


@dataclass(frozen=True, slots=True)
class BulkReport:
    """Counts of one reading; complete once its last document has been taken.

    Attributes:
        files: Files read.
        records: Articles in them, every version counted.
        superseded: Older versions, and articles that were deleted.
        documents: Articles handed over.
        retracted: Of these, the retracted ones.
        notices: Notices of retraction, left out.
        without_text: Articles without abstract, left out.
        unselected: Articles that the selection does not want.
        bad_records: Records that could not be read.
        bad: The first of them by name.
        damaged: One sentence for each file that could not be read to its end.
        ignored: Files of another year than the one read.
        live: Distinct PMIDs that are not deleted.
        deleted: Distinct PMIDs that the files withdraw and that are not back.
        new: PMIDs that the last reading did not know.
        vanished: PMIDs of the last reading that are gone although no file withdraws them.
        vanished_named: The first of them.
    """

    files: int = 0
    records: int = 0
    superseded: int = 0
    documents: int = 0
    retracted: int = 0
    notices: int = 0
    without_text: int = 0
    unselected: int = 0
    bad_records: int = 0
    bad: tuple[BadRecord, ...] = ()
    damaged: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    live: int = 0
    deleted: int = 0
    new: int = 0
    vanished: int = 0
    vanished_named: tuple[int, ...] = ()


@dataclass(slots=True)
class Tally:
    """Counts while one file is read."""

    records: int = 0
    superseded: int = 0
    documents: int = 0
    retracted: int = 0
    notices: int = 0
    without_text: int = 0
    unselected: int = 0
    bad_records: int = 0
    bad: list[BadRecord] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Another file's counts to these."""
        self.records += other.records
        self.superseded += other.superseded
        self.documents += other.documents
        self.retracted += other.retracted
        self.notices += other.notices
        self.without_text += other.without_text
        self.unselected += other.unselected
        self.bad_records += other.bad_records
        self.bad = (self.bad + other.bad)[:NAMED]
        self.damaged += other.damaged

    def name(self, bad: BadRecord) -> None:
        """Count it, and name it while there is room."""
        self.bad_records += 1
        if len(self.bad) < NAMED:
            self.bad.append(bad)
