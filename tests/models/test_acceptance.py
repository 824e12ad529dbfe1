"""The claim in small: which methods fall to a shortcut, with detectors that know nothing of it and that do.

A synthetic table: 60 concepts, 30 of them relevant, 128 features, a confounder that equals the class in
training and its opposite under shift; detectors are learnt from a report-like set where one answer in ten is
wrong. There the confounder is independent of the concepts (clean), or makes each likelier or rarer (leaky).
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from models.baselines import ConceptExamples, Ingredients, Inputs, TrainingData, make_method
from models.features.table import FeatureTable
from models.grounding import Grounder, GroundingSettings, fit_grounders
from models.heads.shared import HeadSettings
from models.scaling import ScalingKind

CONCEPTS, RELEVANT, WIDTH, SEEDS = 60, 30, 128, 5
NAMES = tuple(f"sign-{n}" for n in range(CONCEPTS))
LEAKY = 0.8  # how much the confounder moves the chance of a sign in the report-like set
METHODS = (
    "linear_probe",
    "pcbm_h_joint",
    "pcbm_h_joint_residual_zeroed",
    "no_prior",
    "random_prior",
    "knobo",
    "prior_only",
)
FLIPPED = ("knobo", "prior_only")
HEAD = HeadSettings(scaling=ScalingKind.CENTER)  # lambda 1 and 200 epochs at 1e-3, as in the paper
PROBE = HeadSettings(batch=256, learning_rate=8e-3, epochs=50)  # fewer and longer steps, for time

# In domain / under shift, per cent, means of five worlds: an independent implementation with a generator of
# its own, then ours. Only the order that the tests ask for is claimed; it holds in both. These cells deviate:
# clean, PCBM-h under shift (28, ours 13); leaky, linear probe and PCBM-h under shift (0.1 and 2.6, ours 12:
# our leak is in the report-like set alone, so that the probe sees the same in both columns), prior only
# (74 / 73, ours 82 / 85; flipped 70 / 69, ours 80 / 80), and all heads in domain (ours 6 to 8 points higher).
#
#                               clean                       leaky
# linear probe                  100 / 11      99 / 12       100 / 0.1     99 / 12
# PCBM-h, trained jointly       100 / 28      100 / 13      100 / 2.6     100 / 12
#   its bottleneck alone                      75.5 / 72.8                 86.5 / 46.2
# KnoBo without prior           91.4 / 88.5   87.6 / 86.2   87.8 / 57.1   93.6 / 54.8
# KnoBo, random signs           89.6 / 86.9   84.6 / 83.6   82.6 / 61.8   90.8 / 57.1
# KnoBo                         90.1 / 87.5   86.8 / 86.2   83.9 / 70.6   90.8 / 71.9
# KnoBo, 10 % of signs flipped                87.1 / 86.6   83.6 / 67.5   91.2 / 67.8
# prior only                    84.6 / 84.0   85.2 / 84.9   74.1 / 73.0   82.1 / 84.9
# prior only, flipped                         80.2 / 80.7   69.9 / 68.6   79.5 / 80.4


@dataclass(frozen=True)
class World:
    """Images as features: relevant signs go with the class, and a confounder is drawn in large."""

    generator: np.random.Generator
    mixing: np.ndarray
    shortcut: np.ndarray  # (d,)
    favours: np.ndarray  # (c,) the class that a relevant sign speaks for
    lift: np.ndarray  # (c,) how much likelier it is there; 0 for the others
    leaning: np.ndarray  # (c,) -1 or 1: how a leak moves a sign

    @classmethod
    def make(cls, seed: int) -> "World":
        generator = np.random.default_rng(seed)
        shortcut = generator.normal(size=WIDTH)
        lift = np.zeros(CONCEPTS)
        lift[:RELEVANT] = generator.uniform(0, 0.4, size=RELEVANT)
        return cls(
            generator,
            generator.normal(size=(CONCEPTS, WIDTH)),
            15 * shortcut / np.linalg.norm(shortcut),
            generator.integers(0, 2, size=CONCEPTS),
            lift,
            generator.choice([-1.0, 1.0], size=CONCEPTS),
        )

    def signs(self, labels: np.ndarray, confounder: np.ndarray, *, leak: float = 0) -> np.ndarray:
        speaks = np.where(labels[:, None] == self.favours, 0.5, -0.5)
        chance = 0.5 + self.lift * speaks + leak * (confounder[:, None] - 0.5) * self.leaning
        return np.asarray(self.generator.random(chance.shape) < chance, dtype=float)

    def features(self, signs: np.ndarray, confounder: np.ndarray) -> np.ndarray:
        noise = 2 * self.generator.normal(size=(len(signs), WIDTH))
        drawn = (signs - 0.5) @ self.mixing + (confounder - 0.5)[:, None] * self.shortcut + noise
        return np.asarray(drawn, dtype=np.float32)

    def labelled(self, rows: int, *, reversed_shortcut: bool = False) -> tuple[np.ndarray, np.ndarray]:
        labels = self.generator.integers(0, 2, size=rows)
        confounder = 1 - labels if reversed_shortcut else labels
        return self.features(self.signs(labels, confounder), confounder), labels

    def examples(self, *, leak: float, rows: int = 1200) -> ConceptExamples:
        confounder = self.generator.integers(0, 2, size=rows)
        signs = self.signs(self.generator.integers(0, 2, size=rows), confounder, leak=leak)
        wrong = self.generator.random(signs.shape) < 0.1
        answers = np.abs(signs - wrong).astype(np.float32)
        return ConceptExamples(NAMES, self.features(signs, confounder), answers)

    def prior(self) -> np.ndarray:
        signs = self.generator.choice([-1.0, 1.0], size=CONCEPTS)[None].repeat(2, axis=0)
        signs[1, :RELEVANT] = 2 * self.favours[:RELEVANT] - 1
        signs[0, :RELEVANT] = -signs[1, :RELEVANT]
        return np.asarray(signs, dtype=np.float32)


def as_table(values: np.ndarray) -> FeatureTable:
    return FeatureTable(tuple(map(str, range(len(values)))), tuple(map(str, range(WIDTH))), values)


def grounder_of(examples: ConceptExamples) -> Grounder:
    settings = GroundingSettings(folds=2, replicates=1)
    return fit_grounders(as_table(examples.features), examples.answers, concept_ids=NAMES, settings=settings)


def run(seed: int, *, leak: float) -> dict[str, tuple[float, float]]:
    """Accuracy in domain and under shift of every arm in one world."""
    world = World.make(seed)
    examples = world.examples(leak=leak)
    grounder = grounder_of(examples)
    drawn = [world.labelled(1000), world.labelled(400), world.labelled(600)]
    drawn.append(world.labelled(600, reversed_shortcut=True))
    inputs = [Inputs(values, grounder.score(as_table(values)).values) for values, _ in drawn]
    data = TrainingData(
        classes=("no", "yes"),
        concept_ids=NAMES,
        prior=world.prior(),
        train=inputs[0],
        train_labels=drawn[0][1],
        validation=inputs[1],
        validation_labels=drawn[1][1],
    )
    flips = np.where(world.generator.random(CONCEPTS) < 0.1, -1, 1).astype(np.float32)
    ingredients = Ingredients(head=HEAD, probe=PROBE, probe_penalty=0)

    def accuracies(method: str, given: TrainingData) -> tuple[float, float]:
        fitted = make_method(method, ingredients).fit(given, seeds=(seed,))
        right = [(fitted.predict(inputs[part])[0].argmax(axis=1) == drawn[part][1]).mean() for part in (2, 3)]
        return float(right[0]), float(right[1])

    found = {method: accuracies(method, data) for method in METHODS}
    flipped = replace(data, prior=data.prior * flips)
    return found | {f"{method}_flips": accuracies(method, flipped) for method in FLIPPED}


@cache
def table(leak: float) -> dict[str, tuple[float, float]]:
    """In domain and under shift, the mean over the worlds."""
    runs = [run(seed, leak=leak) for seed in range(SEEDS)]
    mean = {arm: np.mean([each[arm] for each in runs], axis=0) for arm in runs[0]}
    return {arm: (float(both[0]), float(both[1])) for arm, both in mean.items()}


def shifted(leak: float) -> dict[str, float]:
    return {arm: both[1] for arm, both in table(leak).items()}


@pytest.mark.parametrize("leak", [0, LEAKY], ids=["clean", "leaky"])
def test_methods_that_see_the_features_fall_to_the_shortcut(leak: float) -> None:
    for arm in ("linear_probe", "pcbm_h_joint"):
        in_domain, under_shift = table(leak)[arm]
        assert in_domain > 0.97
        assert under_shift < 0.3
        assert under_shift + 0.2 < min(shifted(leak)["no_prior"], shifted(leak)["knobo"])


@pytest.mark.parametrize("leak", [0, LEAKY], ids=["clean", "leaky"])
def test_it_is_the_residual_that_falls_and_a_bottleneck_trained_beside_it_is_worse_than_one_alone(
    leak: float,
) -> None:
    found = shifted(leak)
    assert found["pcbm_h_joint"] + 0.2 < found["pcbm_h_joint_residual_zeroed"] < found["no_prior"] - 0.03
    assert table(leak)["pcbm_h_joint_residual_zeroed"][0] < table(leak)["pcbm_h_joint"][0] - 0.05


def test_with_clean_detectors_grounding_does_all_the_work_and_a_prior_adds_nothing() -> None:
    heads = ("no_prior", "random_prior", "knobo", "knobo_flips")
    for arm in (*heads, "prior_only"):
        in_domain, under_shift = table(0)[arm]
        assert 0.8 < under_shift < 0.95
        assert abs(in_domain - under_shift) < 0.05
    assert abs(shifted(0)["knobo"] - shifted(0)["no_prior"]) < 0.03
    assert max(table(0)[arm][0] for arm in heads) > table(0)["prior_only"][0]


def test_with_leaky_detectors_the_order_is_no_prior_then_flipped_then_true_then_prior_only() -> None:
    found = shifted(LEAKY)
    assert 0.45 < found["no_prior"] < 0.7
    assert found["random_prior"] > found["no_prior"] - 0.02
    assert found["no_prior"] + 0.05 < found["knobo_flips"] < found["knobo"] < found["prior_only"]
    assert found["random_prior"] + 0.05 < found["knobo"]
    assert found["prior_only_flips"] < found["prior_only"]


def test_with_leaky_detectors_the_prior_is_paid_for_in_domain() -> None:
    in_domain = {arm: both[0] for arm, both in table(LEAKY).items()}
    assert in_domain["prior_only"] + 0.03 < in_domain["knobo"] < in_domain["no_prior"] - 0.01
    assert in_domain["no_prior"] < in_domain["linear_probe"]
