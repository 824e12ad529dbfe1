"""Which concepts' scores move with an attribute where the class stays the same: detectors of the acquisition.

A concept that leaks tells a head the shortcut that the bottleneck was to shut out. What moves with an
attribute among images of one class may be in the findings, too (the sick are examined lying down), so that
each leak stands beside the same number of the known answers.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.acquisition.attributes import Acquisition
from models.bottleneck import KnoBo
from models.concept_audit.estimate import rounded, share_estimate
from models.concept_audit.records import Leak
from models.concept_audit.scored_images import ScoredImages
from models.concept_audit.strata import Strata, auroc_curves, mean_auroc, sample_auroc
from models.evaluation.audit import AuditSettings
from models.evaluation.intervals import Draws, draw_units
from models.scaling import ScalingKind

MINIMUM = 10  # images of a class with the value, and without it


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
    units = len({images.units[row] for row in np.flatnonzero(strata.counted).tolist()})
    pushes = push_of(images.scores, strata, heads)
    for column, concept_id in enumerate(images.concept_ids):
        value, low, high = share_estimate(curves[column], units=units, level=level)
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
            push_class="" if pushes is None else heads[0].classes[-1],
        )


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


def class_signal(scores: NDArray[np.floating], labels: NDArray[np.int64], known: Acquisition) -> float:
    """|2 AUROC - 1| of scores `(n,)` for the class among images of one level, mean over the levels.

    With more than two classes, of that which is told best from the others. Over the levels that have images
    of two classes; nan where none has.
    """
    classes = np.unique(labels)
    each = []
    for code in range(len(known.levels)):
        rows = np.flatnonzero(known.codes == code)
        present = np.intersect1d(labels[rows], classes[-1:] if len(classes) == 2 else classes)
        told = [
            2 * sample_auroc(labels[rows] == name, scores[rows]) - 1
            for name in present
            if (labels[rows] != name).any()
        ]
        each += [np.max(np.abs(told))] if told else []
    return float(np.mean(each)) if each else float("nan")


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
