"""Checks of the images as one table: errors first, then warnings, then what passed."""

from dataclasses import dataclass

from pipelines.report.input import ReportInput
from pipelines.report.wording import count, plain

RESULTS = {"error": "error", "warning": "warning", "passed": "passed"}
IDS = 50
"""Image ids shown of one finding; `checks.json` holds them all."""


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding in words; `images` are the first ids of those concerned."""

    split: str
    name: str
    result: str
    message: str
    counts: str
    images: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class CheckTable:
    """All findings; `summary` counts them by result."""

    summary: str
    rows: tuple[FindingView, ...]


def check_table(report: ReportInput) -> CheckTable | None:
    """None where `checks.json` holds nothing."""
    if not report.findings:
        return None
    order = list(RESULTS)
    ranked = sorted(report.findings, key=lambda each: order.index(each.severity))
    numbers = {result: sum(each.severity == result for each in ranked) for result in order}
    return CheckTable(
        f"{count(numbers['error'], 'error')}, {count(numbers['warning'], 'warning')}, "
        f"{numbers['passed']:,} passed",
        tuple(
            FindingView(
                each.split,
                plain(each.name),
                RESULTS[each.severity],
                each.message,
                ", ".join(f"{plain(name)}: {number:,}" for name, number in each.counts.items() if number),
                each.images[:IDS],
                max(len(each.images) - IDS, 0),
            )
            for each in ranked
        ),
    )
