"""Numbers before and after an edit, on every domain of every split."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.errors import ModelsError
from models.evaluation.audit import AuditReport, AuditSettings, audit
from models.what_if.editing.edits import Edit, column_of, edited, rows_of
from models.what_if.split_heads import SplitHeads

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
class WeightChange:
    """The weight of one cell that an edit names, before and after all edits, mean over the seeds."""

    split: str
    class_name: str
    concept_id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class EditReport:
    """What edits changed.

    Attributes:
        edits: In words, in order.
        weights: Of the cells that they name.
        changes: On every split and domain by every metric, in the order of the audit.
        untouched: Splits that have none of the classes named; they are in no mean here.
    """

    edits: tuple[str, ...]
    weights: tuple[WeightChange, ...]
    changes: tuple[Change, ...]
    untouched: tuple[str, ...]


def edit_splits(splits: Sequence[SplitHeads], edits: Sequence[Edit]) -> tuple[SplitHeads, ...]:
    """The splits with edited heads, without those that no edit concerns.

    An edit that names a class concerns the splits that have it.

    Raises:
        ModelsError: An edit concerns no split.
    """
    for edit in edits:
        if not any(concerns(edit, each) for each in splits):
            known = sorted({name for each in splits for name in each.split.classes})
            raise ModelsError(f"no split has a class {edit.class_name!r}; choose from {', '.join(known)}")
    found = []
    for each in splits:
        own = [edit for edit in edits if concerns(edit, each)]
        if own:
            found.append(each.with_heads(tuple(edited(head, own) for head in each.heads)))
    return tuple(found)


def concerns(edit: Edit, split: SplitHeads) -> bool:
    """Whether the split has the class that the edit names."""
    return edit.class_name is None or edit.class_name in split.split.classes


def report_edits(
    splits: Sequence[SplitHeads],
    edits: Sequence[Edit],
    *,
    mean: Collection[str] | None = None,
    settings: AuditSettings | None = None,
) -> EditReport:
    """Measures heads before and after, all on the same images in the same replicates.

    Args:
        splits: Heads of any splits.
        edits: Applied in order to the heads that have their class.
        mean: Splits that enter the mean as far as they are edited; all if None.
        settings: Of the bootstrap; its `reference` is not used.

    Raises:
        ModelsError: An unknown concept, or a class that no split has.
    """
    after = edit_splits(splits, edits)
    names = {each.split.name for each in after}
    before = [each for each in splits if each.split.name in names]
    found = audit(
        [
            *(each.predictions(BEFORE) for each in before),
            *(each.predictions(AFTER) for each in after),
        ],
        [each.split for each in before],
        mean=None if mean is None else [name for name in mean if name in names],
        settings=replace(settings or AuditSettings(), reference=AFTER),
    )
    return EditReport(
        edits=tuple(edit.describe() for edit in edits),
        weights=weight_changes(before, after, edits),
        changes=changes_of(found),
        untouched=tuple(each.split.name for each in splits if each.split.name not in names),
    )


def weight_changes(
    before: Sequence[SplitHeads], after: Sequence[SplitHeads], edits: Sequence[Edit]
) -> tuple[WeightChange, ...]:
    """One for each split and cell named, each once."""
    changes = []
    for then, now in zip(before, after, strict=True):
        head = then.heads[0]
        cells = [
            (row, column_of(head, edit.concept_id))
            for edit in edits
            if concerns(edit, then)
            for row in rows_of(head, edit.class_name)
        ]
        old, new = (np.mean([each.weight for each in heads.heads], axis=0) for heads in (then, now))
        for row, column in dict.fromkeys(cells):
            changes.append(
                WeightChange(
                    split=then.split.name,
                    class_name=head.classes[row],
                    concept_id=head.concept_ids[column],
                    before=float(old[row, column]),
                    after=float(new[row, column]),
                )
            )
    return tuple(changes)


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
