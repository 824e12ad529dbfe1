"""Which concepts' scores move with an attribute where the class stays the same: detectors of the acquisition.

A concept that leaks tells a head the shortcut that the bottleneck was to shut out. What moves with an
attribute among images of one class may be in the findings, too (the sick are examined lying down), so that
each leak stands beside the same number of the known answers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.acquisition.attributes import Acquisition
from models.bottleneck import KnoBo
from models.concept_audit.records import Leak
from models.evaluation.audit import AuditSettings, summarise
from models.evaluation.intervals import Draws, draw_units
from models.evaluation.metrics import binary_auroc, blocks
from models.grounding.quality import CELLS
from models.scaling import ScalingKind

MINIMUM = 10  # images of a class with the value, and without it


@dataclass(frozen=True, slots=True, eq=False)
class ScoredImages:
    """Images of one split with what is known of them.

    Attributes:
        split: Name of the split.
        concept_ids: `(c,)`.
        scores: `(n, c)` of detectors that have not learnt from these images.
        answers: `(n, c)` probability of yes; nan where unknown.
        labels: `(n,) int64` class numbers.
        units: `(n,)` patients, or images where none is known.
    """

    split: str
    concept_ids: tuple[str, ...]
    scores: NDArray[np.floating]
    answers: NDArray[np.floating]
    labels: NDArray[np.int64]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Images with a value and images with another, class by class.

    Attributes:
        positive: `(n,)` images with the value.
        rows: Of each class that has enough of both, its images whose value is known.
    """

    positive: NDArray[np.bool_]
    rows: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(
        cls,
        positive: NDArray[np.bool_],
        known: NDArray[np.bool_],
        classes: NDArray[np.int64],
        *,
        minimum: int,
    ) -> "Strata":
        """Of the images that are `known (n,)`; classes with fewer than `minimum` of either are left out."""
        found = [np.flatnonzero(known & (classes == each)) for each in np.unique(classes)]
        counts = [int(positive[rows].sum()) for rows in found]
        kept = (
            rows for rows, yes in zip(found, counts, strict=True) if minimum <= yes <= len(rows) - minimum
        )
        return cls(positive, tuple(kept))

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Images that are in one of them, `(n,)`."""
        return np.isin(np.arange(len(self.positive)), np.concatenate(self.rows))


def find_leaks(
    images: ScoredImages,
    *,
    attribute: str,
    values: Sequence[str | None],
    heads: Sequence[KnoBo] = (),
    settings: AuditSettings | None = None,
    minimum: int = MINIMUM,
) -> tuple[Leak, ...]:
    """Every concept and value of an attribute, the one that moves most first.

    An attribute with two values has one row a concept, for the second of them; others have one a value.

    Args:
        images: Of a split, all its parts: in most, a class has one value until the shifted part.
        attribute: Its name.
        values: `(n,)`, None where unknown.
        heads: KnoBo on the split, one a seed, for what a leak does to the answer.
        settings: Of the bootstrap.
        minimum: Images of a class with the value and with another, for the class to count.

    Raises:
        ModelsError: The attribute has fewer than two values.
    """
    settings = settings or AuditSettings()
    known = Acquisition.of(attribute, values, minimum=minimum)
    draws = draw_units(
        images.units, replicates=settings.replicates, generator=np.random.default_rng(settings.seed)
    )
    codes = range(len(known.levels))
    chosen = codes[1:] if len(codes) == 2 else codes
    strata = [Strata.of(known.codes == code, known.known, images.labels, minimum=minimum) for code in chosen]
    found = [
        leak
        for code, each in zip(chosen, strata, strict=True)
        for leak in leaks_of(images, known, code, strata=each, heads=heads, draws=draws, level=settings.level)
    ]
    return tuple(sorted(found, key=lambda leak: leak.rank))


def leaks_of(
    images: ScoredImages,
    known: Acquisition,
    code: int,
    *,
    strata: Strata,
    heads: Sequence[KnoBo],
    draws: Draws,
    level: float,
) -> Iterator[Leak]:
    """One value of an attribute; nothing where no class has enough images with it and without."""
    if not strata.rows:
        return
    curves = auroc_curves(images.scores, strata, draws)
    pushes = push_of(images.scores, strata, heads)
    for column, concept_id in enumerate(images.concept_ids):
        value, low, high = summarise(curves[column], level=level)
        if np.isnan([value, low, high]).any():
            continue
        told, alike = answered_aurocs(
            images.scores[:, column], images.answers[:, column], strata, images.labels
        )
        yield Leak(
            split=images.split,
            concept_id=concept_id,
            attribute=known.name,
            value=known.levels[code],
            auroc=value,
            low=low,
            high=high,
            signal=rounded(class_signal(images.scores[:, column], images.labels, known)),
            answer_auroc=rounded(told),
            given_answer=rounded(alike),
            push=None if pushes is None else rounded(pushes[column]),
            n=int(known.known.sum()),
        )


def auroc_curves(scores: NDArray[np.floating], strata: Strata, draws: Draws) -> NDArray[np.float64]:
    """Of each column of `scores (n, c)` in each draw, `(c, 1 + replicates)`: mean over the classes."""
    found = np.zeros((scores.shape[1], len(draws.counts)))
    for rows in strata.rows:
        positive, values = strata.positive[rows], scores[rows].T
        for step in blocks(len(draws.counts), step=max(1, CELLS // len(rows))):
            weights = draws.weights(step, rows)
            for column, each in enumerate(values):
                found[column, step] += binary_auroc(positive, each, weights)
    return found / len(strata.rows)


def answered_aurocs(
    scores: NDArray[np.floating], answers: NDArray[np.floating], strata: Strata, labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Where answers `(n,)` are known: of the answers, and of `scores (n,)` among equal ones.

    Nan where too few are known.
    """
    known = strata.counted & ~np.isnan(answers)
    told = Strata.of(strata.positive, known, labels, minimum=MINIMUM)
    alike = Strata.of(strata.positive, known, 2 * labels + (answers >= 0.5), minimum=MINIMUM)
    return mean_auroc(answers, told), mean_auroc(scores, alike)


def mean_auroc(values: NDArray[np.floating], strata: Strata) -> float:
    """Of the sample as it is, mean over the strata; nan where there is none."""
    each = [sample_auroc(strata.positive[rows], values[rows]) for rows in strata.rows]
    return float(np.mean(each)) if each else float("nan")


def class_signal(scores: NDArray[np.floating], labels: NDArray[np.int64], known: Acquisition) -> float:
    """|2 AUROC - 1| of scores `(n,)` for the class among images of one level, mean over the levels.

    With more than two classes, of that which is told best from the others.
    """
    classes = np.unique(labels)
    each = []
    for code in range(len(known.levels)):
        rows = np.flatnonzero(known.codes == code)
        present = [name for name in classes[-1:] if len(classes) == 2] or list(classes)
        told = [2 * sample_auroc(labels[rows] == name, scores[rows]) - 1 for name in present]
        each.append(np.max(np.abs(told)))
    return float(np.mean(each))


def push_of(
    scores: NDArray[np.floating], strata: Strata, heads: Sequence[KnoBo]
) -> NDArray[np.float64] | None:
    """What the value adds to the logit of the last class over the first, `(c,)`."""
    if not heads or len(heads[0].classes) != 2 or heads[0].scaling.kind is ScalingKind.UNIT:
        return None
    moved = [
        scores[rows][strata.positive[rows]].mean(axis=0, dtype=np.float64)
        - scores[rows][~strata.positive[rows]].mean(axis=0, dtype=np.float64)
        for rows in strata.rows
    ]
    margin = np.mean([(head.weight[-1] - head.weight[0]) / head.scaling.scale for head in heads], axis=0)
    return np.asarray(np.mean(moved, axis=0) * margin, dtype=np.float64)


def sample_auroc(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """AUROC of the sample as it is; nan where one side is missing."""
    if not len(scores):
        return float("nan")
    return float(binary_auroc(positive, scores, np.ones((1, len(scores))))[0])


def rounded(value: float) -> float | None:
    """Six digits; None where there is no number."""
    return None if np.isnan(value) else round(float(value), 6)
