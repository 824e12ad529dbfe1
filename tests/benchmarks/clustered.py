"""Simulated audits with known truth: patients whose images are alike, two classes, several seeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domains import DomainSplit
from models.evaluation.predictions import Predictions

CLASSES = ("no", "yes")


@dataclass(frozen=True)
class World:
    """Where images come from.

    Attributes:
        images: Of each domain, roughly: patients are added until there are so many.
        mean_size: Images a patient, geometric, at most 10.
        distance: Between the classes' scores, in standard deviations of an image.
        patient: Standard deviation of what a patient's images have in common.
        seed: Standard deviation of what a seed's model adds to each image.
        seeds: Number of them.
        skill: Standard deviation between the seeds' models in how far apart they see the classes, over
            `distance`; 0 makes them equally good.
    """

    images: int
    mean_size: float
    distance: float
    patient: float = 0.7
    seed: float = 0.3
    seeds: int = 1
    skill: float = 0.0


@dataclass(frozen=True)
class Draw:
    """One sample.

    Attributes:
        patients: `(n,)` numbers.
        labels: `(n,)`.
        common: `(n,)` what all methods see of an image.
    """

    patients: NDArray[np.int64]
    labels: NDArray[np.int64]
    common: NDArray[np.float64]


def draw(world: World, generator: np.random.Generator) -> Draw:
    """Patients of one class each, half of them of either."""
    sizes = np.minimum(generator.geometric(1 / world.mean_size, size=world.images), 10)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), world.images)) + 1]
    patients = np.repeat(np.arange(len(sizes)), sizes)
    classes = generator.permutation(np.arange(len(sizes)) % 2)
    own = generator.normal(size=len(sizes)) * world.patient
    labels = classes[patients]
    noise = generator.normal(size=len(patients)) * np.sqrt(max(1 - world.patient**2, 0.0))
    return Draw(patients, labels, world.distance * (labels - 0.5) + own[patients] + noise)


def skills(world: World, generator: np.random.Generator) -> NDArray[np.float64]:
    """Of each seed's model, `(s,)`: what it adds to the distance of the classes, over that distance."""
    return world.skill * generator.normal(size=world.seeds)


def says(
    drawn: Draw, world: World, generator: np.random.Generator, *, skill: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Probabilities of one method, `(s, n, 2)`: the Bayes rule on what it sees, too sure by a half."""
    own = skills(world, generator) if skill is None else skill
    seen = drawn.common + world.seed * generator.normal(size=(len(own), len(drawn.labels)))
    seen += own[:, None] * world.distance * (drawn.labels - 0.5)
    yes = 1 / (1 + np.exp(-1.5 * world.distance * seen / (1 + world.seed**2)))
    return np.stack([1 - yes, yes], axis=2)


def as_split(parts: dict[str, Draw], *, name: str = "simulated") -> DomainSplit:
    """Domains by name, without common patients."""
    ids = {domain: tuple(f"{domain}/{row}" for row in range(len(d.labels))) for domain, d in parts.items()}
    pairs = [(image, d, row) for domain, d in parts.items() for row, image in enumerate(ids[domain])]
    patients = {domain: f"{domain}/p" for domain in parts}
    return DomainSplit(
        name=name,
        classes=CLASSES,
        attribute="site" if len(parts) > 1 else "",
        train=(),
        validation=(),
        in_domain=ids["in_domain"],
        shifted=ids.get("shifted", ()),
        label={image: CLASSES[d.labels[row]] for image, d, row in pairs},
        patient={image: f"{patients[image.split('/')[0]]}{d.patients[row]}" for image, d, row in pairs},
        checks=(),
    )


def as_predictions(
    split: DomainSplit, probabilities: dict[str, NDArray[np.float64]], method: str
) -> Predictions:
    """Of one method, domain after domain."""
    together = np.concatenate(list(probabilities.values()), axis=1)
    ids = (*split.in_domain, *split.shifted)
    return Predictions(method, split.name, tuple(range(len(together))), ids, together)
