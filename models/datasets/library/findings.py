"""Findings of which an image may show several, each 1, 0 or unknown; and single labels made from them."""

from collections.abc import Iterable, Mapping, Sequence

NO_FINDING, HAS_FINDING = "No Finding", "Has Finding"
UNCERTAIN = "uncertain_findings"
POSITIVE, NEGATIVE, UNKNOWN = "1", "0", ""

STATES = {"1": POSITIVE, "1.0": POSITIVE, "0": NEGATIVE, "0.0": NEGATIVE}


def states(cells: Iterable[str]) -> list[str]:
    """1 or 0 as stated; -1 (uncertain) and a blank (not mentioned) are unknown."""
    return [STATES.get(cell, UNKNOWN) for cell in cells]


def uncertain(cells: Mapping[str, Sequence[str]]) -> list[str]:
    """For each row the names of the columns that hold -1, joined by a bar."""
    length = len(next(iter(cells.values())))
    marked: list[list[str]] = [[] for _ in range(length)]
    for name, column in cells.items():
        for row, cell in enumerate(column):
            if cell in {"-1", "-1.0"}:
                marked[row].append(name)
    return ["|".join(names) for names in marked]


def with_summary(findings: Mapping[str, Sequence[str]], *, none: str = NO_FINDING) -> dict[str, list[str]]:
    """The findings with `No Finding` and its opposite as far as they are known.

    Where any finding is present, `No Finding` is 0; where it is stated, `Has Finding` is 0; else neither is
    known.

    Args:
        findings: By name, one of them possibly `none`.
        none: The owner's name of `No Finding`.
    """
    kinds = {name: list(column) for name, column in findings.items() if name != none}
    stated = findings.get(none)
    length = len(next(iter(findings.values())))
    some = [any(column[row] == POSITIVE for column in kinds.values()) for row in range(length)]
    empty = [stated is not None and stated[row] == POSITIVE for row in range(length)]
    return {
        **kinds,
        NO_FINDING: [opposite(there, clear) for there, clear in zip(some, empty, strict=True)],
        HAS_FINDING: [opposite(clear, there) for there, clear in zip(some, empty, strict=True)],
    }


def opposite(against: bool, speaks_for: bool) -> str:
    """What two signs that exclude each other say; both or neither leave it unknown."""
    if against == speaks_for:
        return UNKNOWN
    return POSITIVE if speaks_for else NEGATIVE


def listed_findings(
    cells: Sequence[str], names: Sequence[str], *, separator: str = "|"
) -> dict[str, list[str]]:
    """Findings from cells that list those present; a finding that is not listed counts as absent.

    An empty cell leaves all of them unknown; a name that is none of `names` leaves those unknown that are not
    listed, for what it stands for may be one of them or rule out that there is only one.
    """
    kinds = set(names)
    lists = [{part.strip() for part in cell.split(separator)} - {""} for cell in cells]
    told = [(there, bool(there) and there <= kinds) for there in lists]
    return {
        name: [POSITIVE if name in there else NEGATIVE if rest else UNKNOWN for there, rest in told]
        for name in names
    }


def only_finding(findings: Mapping[str, Sequence[str]]) -> list[str]:
    """The one finding that is present while all others are known to be absent; else empty."""
    return exclusive_labels(findings, [name for name in findings if name != HAS_FINDING])


def exclusive_labels(findings: Mapping[str, Sequence[str]], classes: Sequence[str]) -> list[str]:
    """Of some findings, the one that is present while the others are known to be absent; else empty."""
    return labels_among(findings, classes, absent={NEGATIVE})


def mentioned_labels(
    findings: Mapping[str, Sequence[str]], classes: Sequence[str], *, doubtful: Sequence[str]
) -> list[str]:
    """Of some findings, the one that is present while no other is present or uncertain; else empty.

    What a report does not mention is no hindrance here, as in most uses of report-mined labels; the
    finding itself stays unknown.

    Args:
        findings: By name.
        classes: Those among which a label is sought.
        doubtful: `(n,)` names of uncertain findings, joined by a bar.
    """
    labels = labels_among(findings, classes, absent={NEGATIVE, UNKNOWN})
    return [
        "" if set(doubt.split("|")) & set(classes) else label
        for label, doubt in zip(labels, doubtful, strict=True)
    ]


def labels_among(
    findings: Mapping[str, Sequence[str]], classes: Sequence[str], *, absent: set[str]
) -> list[str]:
    """The one class that is present while the cells of all others are in `absent`."""
    columns = [findings[name] for name in classes]
    labels: list[str] = []
    for cells in zip(*columns, strict=True):
        there = [name for name, cell in zip(classes, cells, strict=True) if cell == POSITIVE]
        rest = sum(cell in absent for cell in cells)
        labels.append(there[0] if len(there) == 1 and rest == len(classes) - 1 else "")
    return labels
