"""What every method is given and gives back, so that the audit treats all alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a method may look at; one row an image.

    Attributes:
        features: `(n, d) float32` of the encoder.
        scores: `(n, c) float32` concept probabilities.
        paths: `(n,)` image files; empty where no method reads pixels.
    """

    features: NDArray[np.float32]
    scores: NDArray[np.float32]
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupedImages:
    """Images with every combination of class and attribute: what an oracle is allowed to see.

    Attributes:
        inputs: Of `n` images, none of which is reported for the model that saw it.
        labels: `(n,) int64` class numbers.
        groups: `(n,) int64` number of the combination of class and attribute.
        source: Where they come from, in words, for the reader of the audit.
    """

    inputs: Inputs
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ConceptExamples:
    """Images with reports: what the grounders were fitted on.

    Attributes:
        concept_ids: `(c,)`, in the order of the scores.
        features: `(m, d) float32`.
        answers: `(m, c) float32` probability of yes; nan where unknown.
    """

    concept_ids: tuple[str, ...]
    features: NDArray[np.float32]
    answers: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """One split's training and validation images.

    Attributes:
        classes: `(k,)`.
        concept_ids: `(c,)`.
        prior: `(k, c) float32` in [-1, 1].
        train, validation: Images to learn from, and to select the epoch by.
        train_labels, validation_labels: `(n,) int64` class numbers.
        oracle: Further images that only an oracle may use; None for every other method.
    """

    classes: tuple[str, ...]
    concept_ids: tuple[str, ...]
    prior: NDArray[np.float32]
    train: Inputs
    train_labels: NDArray[np.int64]
    validation: Inputs
    validation_labels: NDArray[np.int64]
    oracle: GroupedImages | None = None


class Fitted(Protocol):
    """A method after training, one model a seed."""

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        ...

    def save(self, directory: Path) -> None:
        """One artifact a seed, in `directory/<seed>`."""
        ...


class Method(Protocol):
    """A way to classify."""

    @property
    def name(self) -> str:
        """As it stands in the audit."""
        ...

    def fit(self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None) -> Fitted:
        """Trains one model a seed."""
        ...
