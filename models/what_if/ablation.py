"""Which concepts carry the decisions: accuracy with each set to its training mean, and with all of them.

A concept at its mean tells nothing of the image. All of them at their mean leave a constant answer: a model
that still does better reads the image by another way than its concepts. Odds are that of twenty concepts
without any effect the interval of one excludes zero.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.errors import ModelsError
from models.evaluation.audit import AuditSettings, choose_mean, summarise
from models.evaluation.curves import IN_DOMAIN, MEAN, SHIFTED
from models.evaluation.intervals import shared_weights
from models.evaluation.metrics import blocks, divide
from models.what_if.interventions.effects import effects
from models.what_if.split_heads import DomainImages, SplitHeads

Progress = Callable[[int, int], None]
ALL = "all"
"""Stands for a concept id where all concepts are at their mean."""
ROWS = 4096  # images at a time: 10 MB for 150 concepts and two classes


@dataclass(frozen=True, slots=True)
class Ablation:
    """What one domain of one split loses without a concept.

    Attributes:
        concept_id: The one at its mean, or `all`.
        split: Name of the split, or `mean`.
        domain: `in_domain` or `shifted`.
        before, after: Accuracy, mean over the seeds.
        difference, low, high: After minus before, with its paired 95 % interval over patients.
        flipped: Share of the images that get another class.
        n: Images; of the mean, in all its splits.
    """

    concept_id: str
    split: str
    domain: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    flipped: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Replicated:
    """Accuracies in each replicate of a bootstrap, the first row being the sample.

    Attributes:
        concept_ids: `(c,)`.
        before: `(1 + replicates,)`.
        after: `(1 + replicates, 1 + c)`, all concepts at their mean first.
        flipped: `(1 + c,)`.
        images: That they were measured on.
    """

    concept_ids: tuple[str, ...]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    flipped: NDArray[np.float64]
    images: frozenset[str]


def ablate(
    splits: Sequence[SplitHeads],
    *,
    mean: Collection[str] | None = None,
    settings: AuditSettings | None = None,
    progress: Progress | None = None,
) -> tuple[Ablation, ...]:
    """Every concept of every split, `all` first, on every domain; then the mean over the splits.

    Args:
        splits: Heads with their images, all with the same concepts.
        mean: Splits that enter the mean, as in the audit.
        settings: Of the bootstrap, which draws patients as the audit does.
        progress: Told how many splits are done.

    Raises:
        ModelsError: The splits have different concepts, or `mean` names none of them.
    """
    settings = settings or AuditSettings()
    if len({each.scores.columns for each in splits}) > 1:
        raise ModelsError("the splits have different concepts; ablate them one at a time")
    found: dict[tuple[str, str], Replicated] = {}
    for done, each in enumerate(splits, start=1):
        usual = each.usual
        for images in each.domains():
            found[each.split.name, images.domain] = measure(each.heads, images, usual, settings=settings)
        if progress is not None:
            progress(done, len(splits))
    entering = choose_mean([each.split for each in splits], mean)
    for domain in (IN_DOMAIN, SHIFTED):
        parts = [found[name, domain] for name in entering if (name, domain) in found]
        if parts and len(parts) == len(entering):
            found[MEAN, domain] = averaged(parts)
    return tuple(
        row
        for (split, domain), replicated in found.items()
        for row in ablations(split, domain, replicated, level=settings.level)
    )


def measure(
    heads: Sequence[KnoBo], images: DomainImages, usual: NDArray[np.float64], *, settings: AuditSettings
) -> Replicated:
    """One domain, seeds averaged inside each replicate."""
    decided = np.stack([decisions(head, images.scores, usual) for head in heads])
    correct = (decided == images.labels[:, None]).mean(axis=0)
    weights = shared_weights(images.units, replicates=settings.replicates, seed=settings.seed)
    total = np.repeat(weights.sum(axis=1)[:, None], correct.shape[1], axis=1)
    accuracy = divide(weights @ correct, total)
    flipped = (decided[:, :, 1:] != decided[:, :, :1]).mean(axis=(0, 1))
    return Replicated(heads[0].concept_ids, accuracy[:, 0], accuracy[:, 1:], flipped, frozenset(images.ids))


def decisions(head: KnoBo, scores: NDArray[np.floating], usual: NDArray[np.float64]) -> NDArray[np.int64]:
    """Classes `(n, 2 + c)`: as they are, with all concepts at their usual score, with each of them."""
    found = np.empty((len(scores), 2 + scores.shape[1]), dtype=np.int64)
    found[:, 1] = head.logits(usual[None]).argmax()
    for rows in blocks(len(scores), step=ROWS):
        logits = head.logits(scores[rows])
        found[rows, 0] = logits.argmax(axis=1)
        found[rows, 2:] = (logits[:, :, None] + effects(head, scores[rows], usual)).argmax(axis=1)
    return found


def averaged(parts: Sequence[Replicated]) -> Replicated:
    """Mean over splits within each replicate."""
    return Replicated(
        parts[0].concept_ids,
        np.mean([each.before for each in parts], axis=0),
        np.mean([each.after for each in parts], axis=0),
        np.mean([each.flipped for each in parts], axis=0),
        frozenset().union(*(each.images for each in parts)),
    )


def ablations(split: str, domain: str, found: Replicated, *, level: float) -> list[Ablation]:
    """One a column."""
    rows = []
    for column, concept_id in enumerate((ALL, *found.concept_ids)):
        after = found.after[:, column]
        difference, low, high = summarise(after - found.before, level=level)
        rows.append(
            Ablation(
                concept_id=concept_id,
                split=split,
                domain=domain,
                before=float(found.before[0]),
                after=float(after[0]),
                difference=difference,
                low=low,
                high=high,
                flipped=float(found.flipped[column]),
                n=len(found.images),
            )
        )
    return rows
