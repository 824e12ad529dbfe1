"""The audit's rows by what they are about, so that every part of the report finds the same number."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from models.evaluation.report import BOOTSTRAP, AuditReport, AuditRow, PairedTest
from pipelines.report.methods import METHODS, by_kind
from pipelines.report.wording import METRICS

MEAN = "mean"
WORST = "worst_group_accuracy"
"""A number over all groups of a domain, which names the one that it is of."""
Key = tuple[str, str, str, str]


def ordered(found: Iterable[str], first: Iterable[str]) -> tuple[str, ...]:
    """What was found, those of `first` leading in their order, the others as they came."""
    names = list(dict.fromkeys(found))
    known = [name for name in first if name in names]
    return tuple(known + [name for name in names if name not in known])


def of_all(row: AuditRow) -> bool:
    """Whether a number is of all images of its domain, and not of one group."""
    return not row.group or row.metric == WORST


def row_mark(row: AuditRow) -> str:
    """By which a number in the page is found again in `audit.json`."""
    return f"row|{row.method}|{row.split}|{row.domain}|{row.metric}|{row.group}"


def difference_mark(test: PairedTest) -> str:
    """The same for a difference."""
    named = (test.method, test.reference, test.split, test.domain, test.metric, test.group, test.test)
    return "|".join(("test", *named))


@dataclass(frozen=True, slots=True)
class AuditIndex:
    """Look-ups over one `AuditReport`.

    Attributes:
        audit: What is looked up.
        methods, splits, metrics: In the order of display; `splits` is without the mean.
        rows, tests: Of all images; those of groups stand in `audit` alone.
    """

    audit: AuditReport
    methods: tuple[str, ...]
    splits: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: dict[Key, AuditRow] = field(repr=False)
    tests: dict[tuple[str, str, str, str, str], PairedTest] = field(repr=False)

    @classmethod
    def of(cls, audit: AuditReport) -> "AuditIndex":
        """Index the rows and the paired tests."""
        return cls(
            audit,
            by_kind(ordered((row.method for row in audit.rows), (method.name for method in METHODS))),
            tuple(dict.fromkeys(row.split for row in audit.rows if row.split != MEAN)),
            ordered((row.metric for row in audit.rows if of_all(row)), METRICS),
            {(row.method, row.split, row.domain, row.metric): row for row in audit.rows if of_all(row)},
            {
                (t.method, t.reference, t.split, t.domain, t.metric): t
                for t in audit.paired
                if t.test == BOOTSTRAP and not t.group
            },
        )

    @property
    def metric(self) -> str:
        """The metric of the headline: accuracy where it was measured."""
        return self.metrics[0] if self.metrics else "accuracy"

    @property
    def scope(self) -> str:
        """What the headline speaks of: the mean over splits, or the only split."""
        has_mean = any(row.split == MEAN for row in self.audit.rows)
        return MEAN if has_mean or not self.splits else self.splits[0]

    def entering(self, outside: Collection[str]) -> tuple[str, ...]:
        """The splits that enter the mean: not named as outside, and with a shifted domain if any has one."""
        inside = tuple(split for split in self.splits if split not in outside)
        shifted = {row.split for row in self.audit.rows if row.domain == "shifted"}
        return tuple(split for split in inside if split in shifted) or inside

    def row(self, method: str, split: str, domain: str, metric: str) -> AuditRow | None:
        """One number, or None where it was not measured."""
        return self.rows.get((method, split, domain, metric))

    def headline_row(self, method: str, domain: str) -> AuditRow | None:
        """One number of the headline."""
        return self.row(method, self.scope, domain, self.metric)

    def test(self, method: str, reference: str, split: str, domain: str, metric: str) -> PairedTest | None:
        """One paired test, or None where it was not made."""
        return self.tests.get((method, reference, split, domain, metric))

    def measured(self, split: str, metric: str) -> tuple[str, ...]:
        """The methods that have a number on a split."""
        domains = ("in_domain", "shifted")
        return tuple(m for m in self.methods if any(self.row(m, split, d, metric) for d in domains))
