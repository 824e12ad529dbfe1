"""Control: random directions of the feature space in place of concepts, as long and squashed as grounders."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.bottleneck import KnoBo, fit_knobo
from models.grounding.grounder import Grounder
from models.heads.shared import HeadSettings, Sample
from models.scaling import Scaling


@dataclass(frozen=True, slots=True)
class Directions:
    """Random stand-ins for grounders.

    Attributes:
        weight: `(s, c, d)`, each row as long as the grounder's it replaces.
        bias: `(c,)` of the grounders.
        scaling: Of the features.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    scaling: Scaling

    def scores(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Probabilities `(s, n, c)` from `features (n, d)`."""
        logits = self.scaling.apply(features) @ self.weight.transpose(0, 2, 1) + self.bias
        return np.asarray(expit(logits), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class FittedRandomConcepts:
    """Directions and a head a seed."""

    seeds: tuple[int, ...]
    directions: Directions
    heads: tuple[KnoBo, ...]

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)` from the features."""
        scores = self.directions.scores(inputs.features)
        return np.stack([head.predict(each) for head, each in zip(self.heads, scores, strict=True)])

    def save(self, directory: Path) -> None:
        """Each head in `directory/<seed>`, its directions in `directory/<seed>/directions`."""
        for row, (seed, head) in enumerate(zip(self.seeds, self.heads, strict=True)):
            head.save(directory / str(seed))
            tensors = {
                "weight": self.directions.weight[row],
                "bias": self.directions.bias,
                "center": self.directions.scaling.center,
                "scale": self.directions.scaling.scale,
            }
            about = {"scaling": self.directions.scaling.kind, "seed": seed}
            save_artifact(directory / str(seed) / "directions", Artifact(tensors, about), kind="directions")


@dataclass(frozen=True, slots=True)
class RandomConcepts:
    """What a bottleneck of this width does whatever its concepts are; no prior, for none is known.

    Attributes:
        grounder: Gives the number of concepts, their lengths, biases and scaling.
        settings: Of the head.
        name: In the audit.
    """

    grounder: Grounder
    settings: HeadSettings = field(default_factory=HeadSettings)
    name: str = "random_concepts"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedRandomConcepts:
        """Draws the directions, then trains a head on each."""
        drawn = np.stack([random_directions(self.grounder, seed=seed) for seed in seeds])
        directions = Directions(drawn, self.grounder.bias, self.grounder.scaling)
        names = tuple(f"random-{number}" for number in range(drawn.shape[1]))
        heads = fit_knobo(
            Sample(directions.scores(data.train.features), data.train_labels),
            Sample(directions.scores(data.validation.features), data.validation_labels),
            classes=data.classes,
            concept_ids=names,
            prior=np.zeros((len(data.classes), len(names)), dtype=np.float32),
            seeds=seeds,
            settings=replace(self.settings, strength=0.0),
        )
        if progress is not None:
            progress(1, 1)
        return FittedRandomConcepts(tuple(seeds), directions, heads)


def random_directions(grounder: Grounder, *, seed: int) -> NDArray[np.float64]:
    """`(c, d)` uniform directions, each as long as the grounder's weight of the same row."""
    drawn = np.random.default_rng(seed).normal(size=grounder.weight.shape)
    lengths = np.linalg.norm(grounder.weight, axis=1) / np.linalg.norm(drawn, axis=1)
    return np.asarray(drawn * lengths[:, None])
