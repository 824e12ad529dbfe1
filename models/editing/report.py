"""Numbers before and after an edit, on every domain of every split."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from models.editing.edits import Edit, edited
from models.evaluation.audit import AuditReport, AuditSettings, audit
from models.split_heads import SplitHeads

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Change:
    """One number before and after.

    Attributes:
        split: Name of the split, or `mean` over those that enter the mean.
        domain: `in_domain`, `shifted`, `gap` or `average`.
        metric: `accuracy`, `balanced_accuracy` or `auroc`.
        before, after: Mean over the seeds.
        difference, low, high: After minus before, with its paired 95 % interval over patients.
        n: Images.
    """

    split: str
    domain: str
    metric: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class EditReport:
    """What edits changed.

    Attributes:
        edits: In words, in order.
        changes: On every split and domain by every metric, in the order of the audit.
    """

    edits: tuple[str, ...]
    changes: tuple[Change, ...]


def report_edits(
    splits: Sequence[SplitHeads],
    edits: Sequence[Edit],
    *,
    mean: Collection[str] | None = None,
    settings: AuditSettings | None = None,
) -> EditReport:
    """Measures heads before and after, all on the same images in the same replicates.

    Args:
        splits: Those whose heads are edited; each must know every class and concept named.
        edits: Applied in order to every head.
        mean: Splits that enter the mean; all if None.
        settings: Of the bootstrap; its `reference` is not used.
    """
    after = [each.with_heads(tuple(edited(head, edits) for head in each.heads)) for each in splits]
    predictions = [
        *(each.predictions(BEFORE) for each in splits),
        *(each.predictions(AFTER) for each in after),
    ]
    found = audit(
        predictions,
        [each.split for each in splits],
        mean=mean,
        settings=replace(settings or AuditSettings(), reference=AFTER),
    )
    return EditReport(tuple(edit.describe() for edit in edits), changes_of(found))


def changes_of(found: AuditReport) -> tuple[Change, ...]:
    """One for each paired test of an audit of both."""
    rows = {(row.method, row.split, row.domain, row.metric): row for row in found.rows}
    changes = []
    for test in found.paired:
        before, after = (rows[name, test.split, test.domain, test.metric] for name in (BEFORE, AFTER))
        changes.append(
            Change(
                split=test.split,
                domain=test.domain,
                metric=test.metric,
                before=before.value,
                after=after.value,
                difference=test.difference,
                low=test.low,
                high=test.high,
                n=before.n,
            )
        )
    return tuple(changes)
