"""KnoBo: classes as a linear function of concept probabilities, its weights drawn to the signs of a prior."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import starmap
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, read_artifact, save_artifact
from models.errors import ModelsError
from models.heads.full_batch import train_full_batch
from models.heads.mini_batch import train_mini_batch
from models.heads.shared import HeadSettings, HeadSolver, Sample, Solver
from models.scaling import Scaling, ScalingKind

KIND = "knobo"
SOLVERS: Mapping[Solver, HeadSolver] = MappingProxyType(
    {Solver.FULL_BATCH: train_full_batch, Solver.ADAM: train_mini_batch}
)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one concept adds to the logit of one class.

    Attributes:
        concept_id: Whose score it is.
        score: The concept's probability in the image.
        usual: What the score is measured from: its training mean where the head centres, else 0.
        weight: Of the concept for the class.
        amount: (score - usual) x weight; divided by the training deviation where the head standardises.
    """

    concept_id: str
    score: float
    usual: float
    weight: float
    amount: float


@dataclass(frozen=True, slots=True)
class KnoBo:
    """A trained head on concept scores: logits = scaled scores @ weight.T, without bias.

    Attributes:
        classes: `(k,)`.
        concept_ids: `(c,)`.
        weight: `(k, c) float32`.
        prior: `(k, c) float32` in [-1, 1].
        scaling: Of the scores; as they are in the paper.
        about: How it was trained; JSON values.
    """

    classes: tuple[str, ...]
    concept_ids: tuple[str, ...]
    weight: NDArray[np.float32]
    prior: NDArray[np.float32]
    scaling: Scaling
    about: Mapping[str, Any] = field(default_factory=dict)

    def logits(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """From `scores (n, c)` to `(n, k)`."""
        return np.asarray(self.scaling.apply(scores) @ self.weight.T.astype(np.float64))

    def predict(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Class probabilities `(n, k)` from `scores (n, c)`."""
        return np.asarray(softmax(self.logits(scores), axis=1))

    def explain(self, scores: NDArray[np.floating]) -> tuple[tuple[Contribution, ...], ...]:
        """Contributions to each class for one image with `scores (c,)`, the largest in size first.

        Those of a class add up to its logit.
        """
        return tuple(self.contributions(scores, k) for k in range(len(self.classes)))

    def contributions(self, scores: NDArray[np.floating], k: int) -> tuple[Contribution, ...]:
        """To the class at `k` alone."""
        amounts = self.scaling.apply(scores[None])[0] * self.weight[k]
        return ranked(
            self.concept_ids,
            scores=scores,
            usual=self.scaling.center,
            weights=self.weight[k],
            amounts=amounts,
        )

    def save(self, directory: Path) -> None:
        """Weights as safetensors, the rest in about.json."""
        tensors: dict[str, NDArray[Any]] = {
            "weight": self.weight,
            "prior": self.prior,
            "center": self.scaling.center,
            "scale": self.scaling.scale,
        }
        about = {
            "classes": self.classes,
            "concept_ids": self.concept_ids,
            "scaling": self.scaling.kind,
            "about": dict(self.about),
        }
        save_artifact(directory, Artifact(tensors, about), kind=KIND)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads what `save` wrote."""
        return read_artifact(directory, cls.of_artifact, kind=KIND)

    @classmethod
    def of_artifact(cls, artifact: Artifact) -> Self:
        """From what `save` wrote; a ValueError, KeyError or TypeError where it did not."""
        classes, concept_ids = artifact.names("classes"), artifact.names("concept_ids")
        shape, scale = (len(classes), len(concept_ids)), artifact.tensor("scale", len(concept_ids))
        if not scale.all():
            raise ValueError("a scale is 0")
        return cls(
            classes=classes,
            concept_ids=concept_ids,
            weight=artifact.tensor("weight", *shape),
            prior=artifact.tensor("prior", *shape),
            scaling=Scaling(
                ScalingKind(artifact.about["scaling"]), artifact.tensor("center", len(concept_ids)), scale
            ),
            about=dict(artifact.about["about"]),
        )


def ranked(
    concept_ids: Sequence[str],
    *,
    scores: NDArray[np.floating],
    usual: NDArray[np.floating],
    weights: NDArray[np.floating],
    amounts: NDArray[np.floating],
) -> tuple[Contribution, ...]:
    """Contributions `(c,)` of one class, the largest in size first."""
    order = np.argsort(-np.abs(amounts), kind="stable")
    ids = (concept_ids[row] for row in order.tolist())
    values = (each[order].tolist() for each in (scores, usual, weights, amounts))
    return tuple(starmap(Contribution, zip(ids, *values, strict=True)))


def prior_loss(weight: NDArray[np.floating], prior: NDArray[np.floating]) -> float:
    """Mean |tanh(W) - P| over classes and concepts: 1 at W = 0, towards 0 along the prior, 2 against it.

    Its gradient is sign(tanh W - P) (1 - tanh^2 W) / (k c), at most 1 / (k c) in any weight: with two classes
    and 150 concepts cross-entropy outweighs it unless a concept says little about the labels.
    """
    return float(np.abs(np.tanh(weight) - prior).mean())


def fit_knobo(
    train: Sample,
    validation: Sample,
    *,
    classes: Sequence[str],
    concept_ids: Sequence[str],
    prior: NDArray[np.floating],
    seeds: Sequence[int] = (0,),
    settings: HeadSettings | None = None,
) -> tuple[KnoBo, ...]:
    """One head a seed, trained side by side.

    Args:
        train: Scores `(n, c)` or one table a seed `(s, n, c)`, with labels.
        validation: Selects the epoch, never the reported number.
        classes: `(k,)`.
        concept_ids: `(c,)`.
        prior: `(k, c)`, or one a seed `(s, k, c)`.
        seeds: `(s,)`.
        settings: Defaults of the paper, but for its solver.
    """
    settings = settings or HeadSettings()
    check_prior(prior, shape=(len(classes), len(concept_ids)))
    signs = np.broadcast_to(prior, (len(seeds), *prior.shape[-2:])).astype(np.float32)
    scaling = scale_scores(train.inputs, settings=settings)
    heads = SOLVERS[settings.solver](
        Sample(scaling.apply(train.inputs), train.labels),
        Sample(scaling.apply(validation.inputs), validation.labels),
        classes=len(classes),
        seeds=seeds,
        settings=settings,
        prior=signs,
    )
    return tuple(
        KnoBo(
            classes=tuple(classes),
            concept_ids=tuple(concept_ids),
            weight=heads.weight[row],
            prior=signs[row],
            scaling=scaling,
            about={
                "seed": seed,
                "epoch": int(heads.epoch[row]),
                "validation_accuracy": float(heads.validation_accuracy[row]),
                "prior_loss": prior_loss(heads.weight[row], signs[row]),
                "settings": asdict(settings),
            },
        )
        for row, seed in enumerate(seeds)
    )


def scale_scores(scores: NDArray[np.floating], *, settings: HeadSettings) -> Scaling:
    """Fitted on the training scores `(n, c)` or `(s, n, c)`."""
    return Scaling.fit(settings.scaling, scores.reshape(-1, scores.shape[-1]))


def check_prior(prior: NDArray[np.floating], *, shape: tuple[int, int]) -> None:
    """Raises ModelsError unless the prior has a sign for each class and concept."""
    if prior.shape[-2:] != shape:
        raise ModelsError(
            f"the prior has shape {prior.shape[-2:]} for {shape[0]} classes and {shape[1]} concepts; "
            "give one row a class and one column a concept"
        )
    if not np.all(np.abs(prior) <= 1):
        raise ModelsError("the prior holds numbers outside [-1, 1]; give signs or votes between them")
