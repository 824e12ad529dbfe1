"""What a number with an interval can be said to show, and how it is put in a sentence."""

from dataclasses import replace

from models.evaluation.report import AuditRow, PairedTest
from pipelines.report.methods import describe
from pipelines.report.wording import ABSENT, interval, number, signed, signed_interval, uncapitalised

HIGHER, LOWER, UNCLEAR = "higher", "lower", "no clear difference"


def reading(test: PairedTest | None) -> str:
    """Which way a difference goes, where its interval excludes zero to the digits shown."""
    if test is None:
        return ""
    if round(test.low, 3) > 0:
        return HIGHER
    return LOWER if round(test.high, 3) < 0 else UNCLEAR


def value(row: AuditRow | None) -> str:
    """`0.80 (0.77 to 0.83)`, to the two digits that prose wants."""
    if row is None:
        return ABSENT
    return f"{number(row.value, digits=2)} ({interval(row.low, row.high, digits=2)})"


def difference(test: PairedTest) -> str:
    """`+0.32 (+0.28 to +0.36)`."""
    return f"{signed(test.difference, digits=2)} ({signed_interval(test.low, test.high, digits=2)})"


def name(method: str) -> str:
    """A method inside a sentence: `KnoBo`, `the linear probe`, `random-sign prior`."""
    label = uncapitalised(describe(method).label)
    return f"the {label}" if method == "linear_probe" else label


def reversed_test(test: PairedTest) -> PairedTest:
    """What the other method adds: the same difference, taken the other way round."""
    return replace(
        test,
        method=test.reference,
        reference=test.method,
        difference=-test.difference,
        low=-test.high,
        high=-test.low,
    )
