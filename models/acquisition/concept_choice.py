"""Which concepts to keep when some only detect the acquisition, and what each choice does under shift."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.acquisition.cell_quality import ConceptCells
from models.baselines.interface import Inputs, Method, TrainingData
from models.evaluation.metrics import accuracy, point
from models.grounding.grounder import Grounder, rank_key

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Concepts, the first to be kept first.

    Attributes:
        rule: How they were put in order.
        concept_ids: `(c,)`.
    """

    rule: str
    concept_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A split on which choices are compared.

    Attributes:
        data: To learn from, with all concepts.
        in_domain, shifted: Images to be classified.
        in_domain_labels, shifted_labels: `(n,) int64` class numbers.
    """

    data: TrainingData
    in_domain: Inputs
    in_domain_labels: NDArray[np.int64]
    shifted: Inputs
    shifted_labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Choice:
    """One number of concepts by one rule.

    Attributes:
        rule: Of the ranking.
        concepts: How many were kept.
        rankings: How many rankings by that rule the accuracies are the mean of.
        in_domain, shifted: Mean accuracy over splits, seeds and rankings.
    """

    rule: str
    concepts: int
    rankings: int
    in_domain: float
    shifted: float

    @property
    def average(self) -> float:
        """Mean of in domain and shifted."""
        return (self.in_domain + self.shifted) / 2


def by_auroc(grounder: Grounder) -> Ranking:
    """By the lower end of the AUROC interval over all images, as `Grounder.best` keeps them."""
    return Ranking("auroc", tuple(each.concept_id for each in sorted(grounder.quality, key=rank_key)))


def by_worst_cell(cells: Sequence[ConceptCells]) -> Ranking:
    """By the lower end of the AUROC interval in the worst cell; concepts with no such cell come last."""
    return Ranking("worst_cell", tuple(each.concept_id for each in sorted(cells, key=worst_key)))


def worst_key(concept: ConceptCells) -> tuple[float, float, str]:
    """Best first."""
    worst = concept.worst
    if worst is None:
        return 1.0, 0.0, concept.concept_id
    return -worst.auroc_low, -worst.auroc, concept.concept_id


def at_random(concept_ids: Sequence[str], *, seed: int) -> Ranking:
    """The control: any order."""
    order = np.random.default_rng(seed).permutation(len(concept_ids)).tolist()
    return Ranking("random", tuple(concept_ids[row] for row in order))


def compare_choices(
    trials: Sequence[Trial],
    rankings: Sequence[Ranking],
    *,
    method: Method,
    counts: Sequence[int],
    seeds: Sequence[int],
    progress: Progress | None = None,
) -> tuple[Choice, ...]:
    """How accuracy moves with the number and the choice of concepts.

    It reads the labels of the trials' shifted images: a choice made by this table is for other images.

    Args:
        trials: Splits; their mean is given.
        rankings: Several by one rule are averaged.
        method: One that reads concept scores.
        counts: How many concepts to keep; those above the number there are stand for all.
        seeds: Of the method.
        progress: Told how many pairs of ranking and count are done.
    """
    total = min((len(ranking.concept_ids) for ranking in rankings), default=0)
    sizes = sorted({min(count, total) for count in counts})
    pairs = [(ranking, size) for ranking in rankings for size in sizes]
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for done, (ranking, size) in enumerate(pairs, 1):
        kept = ranking.concept_ids[:size]
        each = [try_concepts(trial, kept, method=method, seeds=seeds) for trial in trials]
        found.setdefault((ranking.rule, size), []).extend(each)
        if progress is not None:
            progress(done, len(pairs))
    return tuple(
        Choice(rule, size, len(values) // len(trials), *(float(mean) for mean in np.mean(values, axis=0)))
        for (rule, size), values in found.items()
    )


def try_concepts(
    trial: Trial, concept_ids: Sequence[str], *, method: Method, seeds: Sequence[int]
) -> tuple[float, float]:
    """Mean accuracy over the seeds, in domain and shifted, with these concepts alone."""
    place = {concept: column for column, concept in enumerate(trial.data.concept_ids)}
    columns = [column for concept, column in place.items() if concept in set(concept_ids)]
    fitted = method.fit(restrict(trial.data, columns), seeds=seeds)
    sides = ((trial.in_domain, trial.in_domain_labels), (trial.shifted, trial.shifted_labels))
    in_domain, shifted = (
        float(
            np.mean([point(accuracy, labels, each) for each in fitted.predict(with_scores(inputs, columns))])
        )
        for inputs, labels in sides
    )
    return in_domain, shifted


def restrict(data: TrainingData, columns: Sequence[int]) -> TrainingData:
    """The same images with some of the concepts."""
    return replace(
        data,
        concept_ids=tuple(data.concept_ids[column] for column in columns),
        prior=data.prior[:, columns],
        train=with_scores(data.train, columns),
        validation=with_scores(data.validation, columns),
    )


def with_scores(inputs: Inputs, columns: Sequence[int]) -> Inputs:
    """Some of the concept scores."""
    return replace(inputs, scores=inputs.scores[:, columns])
