"""Accuracy against the number of concepts answered truly, over images whose answers are known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.errors import ModelsError
from models.evaluation.intervals import interval, shared_weights
from models.evaluation.metrics import divide
from models.what_if.interventions.effects import effects
from models.what_if.interventions.levels import Levels
from models.what_if.interventions.policies import Policy


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredImages:
    """Images with what an expert or a report says of their concepts.

    Attributes:
        scores: `(n, c)` of the detectors.
        answers: `(n, c)` probability of yes; nan where unknown, and then the concept cannot be set.
        labels: `(n,) int64` class numbers.
        units: `(n,)` patients, or images where none is known.
    """

    scores: NDArray[np.floating]
    answers: NDArray[np.floating]
    labels: NDArray[np.int64]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CurveSettings:
    """How a curve is drawn.

    Attributes:
        most: Interventions at most; as many as any image has answers if None.
        replicates, level: Of the bootstrap over patients.
        seed: Of random orders and of the bootstrap.
    """

    most: int | None = None
    replicates: int = 1000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """A number after each count of interventions, with its interval; all `(m + 1,)`, from none."""

    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class InterventionCurve:
    """Accuracy after 0, 1, ..., m interventions an image.

    Attributes:
        policy: Which order.
        accuracy: Mean over heads and drawings.
        gain: Paired difference to no intervention.
        n: Images.
        known: Mean number of answers an image has; one with fewer than asked keeps all it has.
    """

    policy: str
    accuracy: Band
    gain: Band
    n: int
    known: float


def intervention_curve(
    heads: Sequence[KnoBo],
    images: AnsweredImages,
    *,
    policy: Policy,
    levels: Levels,
    settings: CurveSettings | None = None,
) -> InterventionCurve:
    """The curve of one policy.

    Args:
        heads: One a seed; accuracies are averaged over them.
        images: Reported ones: answers are looked at after the fact, never to train or to choose.
        policy: The order of the concepts.
        levels: Scores that stand for yes and no.
        settings: Defaults if None.

    Raises:
        ModelsError: No concept of any image has an answer.
    """
    settings = settings or CurveSettings()
    known = ~np.isnan(images.answers)
    if not known.any():
        raise ModelsError(
            "no image has an answer for any concept; give images with reports or expert columns"
        )
    asked = int(known.sum(axis=1).max())
    asked = asked if settings.most is None else min(asked, settings.most)
    wanted = levels.values(images.answers)
    correct = np.mean(
        [correct_after(head, images, wanted, policy, seed=settings.seed)[:, : asked + 1] for head in heads],
        axis=0,
    )
    weights = shared_weights(images.units, replicates=settings.replicates, seed=settings.seed)
    draws = divide(weights @ correct, np.repeat(weights.sum(axis=1)[:, None], asked + 1, axis=1))
    return InterventionCurve(
        policy=policy.name,
        accuracy=band(draws, level=settings.level),
        gain=band(draws - draws[:, :1], level=settings.level),
        n=len(images.labels),
        known=float(known.sum(axis=1).mean()),
    )


def correct_after(
    head: KnoBo, images: AnsweredImages, wanted: NDArray[np.float64], policy: Policy, *, seed: int
) -> NDArray[np.float64]:
    """Share of the drawings in which an image is right after 0 ... c interventions, `(n, c + 1)`."""
    change = effects(head, images.scores, wanted)
    known = ~np.isnan(wanted)
    start = head.logits(images.scores)[:, :, None]
    found = []
    for priority in policy.priorities(head, images.scores, seed=seed):
        order = np.argsort(np.where(known, -priority, np.inf), axis=1, kind="stable")
        steps = np.take_along_axis(np.nan_to_num(change), order[:, None, :], axis=2)
        logits = np.concatenate([start, start + steps.cumsum(axis=2)], axis=2)
        found.append(logits.argmax(axis=1) == images.labels[:, None])
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def band(draws: NDArray[np.float64], *, level: float) -> Band:
    """From `(1 + replicates, m + 1)`; the first row is the sample itself."""
    found = [interval(column, level=level) for column in draws[1:].T]
    return Band(
        tuple(draws[0].tolist()), tuple(each.low for each in found), tuple(each.high for each in found)
    )


def answers_of_others(images: AnsweredImages, *, seed: int) -> AnsweredImages:
    """A control: each image with the answers of another, so that what the truth adds can be told apart.

    Whatever pulls every image the same way, such as a sign that is rarely seen set to no, helps here as much.
    """
    order = np.random.default_rng(seed).permutation(len(images.answers))
    following = np.empty_like(order)
    following[order] = np.roll(order, 1)
    return replace(images, answers=images.answers[following])
