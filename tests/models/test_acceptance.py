"""The claim in small: where a shortcut is easier than the signs, a probe takes it and KnoBo does not."""

from dataclasses import dataclass

import numpy as np
import pytest

from models.baselines import Ingredients, Inputs, TrainingData, make_method
from models.domains import DomainSplit
from models.evaluation.audit import AuditReport, AuditSettings, Predictions, audit
from models.features import FeatureTable
from models.grounding import Grounder, GroundingSettings, fit_grounders
from models.heads import HeadSettings

CONCEPTS, RELEVANT, WIDTH = 30, 15, 64
NAMES = tuple(f"sign-{n}" for n in range(CONCEPTS))
METHODS = ("knobo", "prior_only", "random_concepts", "linear_probe")


@dataclass(frozen=True)
class World:
    """Images as features: half of the signs go with the class, and a confounder is drawn in large.

    The first `RELEVANT` signs occur in 70 % of one class and 30 % of the other, the rest at random.
    """

    generator: np.random.Generator
    mixing: np.ndarray
    shortcut: np.ndarray
    favours: np.ndarray  # (c,) the class that a sign speaks for

    @classmethod
    def make(cls, seed: int) -> "World":
        generator = np.random.default_rng(seed)
        shortcut = generator.normal(size=WIDTH)
        return cls(
            generator,
            generator.normal(size=(CONCEPTS, WIDTH)),
            20 * shortcut / np.linalg.norm(shortcut),
            generator.integers(0, 2, size=CONCEPTS),
        )

    def signs(self, labels: np.ndarray) -> np.ndarray:
        chance = np.full((len(labels), CONCEPTS), 0.5)
        speaks = labels[:, None] == self.favours[None, :RELEVANT]
        chance[:, :RELEVANT] = np.where(speaks, 0.7, 0.3)
        return (self.generator.random(chance.shape) < chance).astype(float)

    def features(self, signs: np.ndarray, confounder: np.ndarray) -> np.ndarray:
        noise = self.generator.normal(size=(len(signs), WIDTH))
        drawn = (signs - 0.5) @ self.mixing + (confounder - 0.5)[:, None] * self.shortcut + noise
        return np.asarray(drawn, dtype=np.float32)

    def labelled(self, rows: int, *, reversed_shortcut: bool = False) -> tuple[np.ndarray, np.ndarray]:
        labels = self.generator.integers(0, 2, size=rows)
        confounder = 1 - labels if reversed_shortcut else labels
        return self.features(self.signs(labels), confounder), labels

    def grounder(self, rows: int = 600) -> Grounder:
        """From images with reports, where the confounder is at random and one answer in ten is wrong."""
        signs = self.signs(self.generator.integers(0, 2, size=rows))
        values = self.features(signs, self.generator.integers(0, 2, size=rows))
        wrong = self.generator.random(signs.shape) < 0.1
        table = as_table(values, "r")
        answers = np.abs(signs - wrong).astype(np.float32)
        return fit_grounders(table, answers, concept_ids=NAMES, settings=GroundingSettings(replicates=50))

    def prior(self) -> np.ndarray:
        signs = np.random.default_rng(9).choice([-1.0, 1.0], size=CONCEPTS)[None].repeat(2, axis=0)
        signs[1, :RELEVANT] = 2 * self.favours[:RELEVANT] - 1
        signs[0, :RELEVANT] = -signs[1, :RELEVANT]
        return np.asarray(signs, dtype=np.float32)


def as_table(values: np.ndarray, letter: str) -> FeatureTable:
    ids = tuple(f"{letter}{row}" for row in range(len(values)))
    return FeatureTable(ids, tuple(map(str, range(WIDTH))), values)


def run(seed: int) -> AuditReport:
    world = World.make(seed)
    grounder = world.grounder()
    parts = {
        letter: world.labelled(rows, reversed_shortcut=letter == "s")
        for letter, rows in (("t", 300), ("v", 100), ("i", 300), ("s", 300))
    }
    tables = {letter: as_table(values, letter) for letter, (values, _) in parts.items()}
    inputs = {letter: Inputs(table.values, grounder.score(table).values) for letter, table in tables.items()}
    data = TrainingData(
        classes=("no", "yes"),
        concept_ids=NAMES,
        prior=world.prior(),
        train=inputs["t"],
        train_labels=parts["t"][1],
        validation=inputs["v"],
        validation_labels=parts["v"][1],
    )
    classes = np.array(["no", "yes"])
    label = {
        image: str(name)
        for letter, table in tables.items()
        for image, name in zip(table.ids, classes[parts[letter][1]], strict=True)
    }
    split = DomainSplit(
        name="shortcut",
        classes=("no", "yes"),
        attribute="confounder",
        train=tables["t"].ids,
        validation=tables["v"].ids,
        in_domain=tables["i"].ids,
        shifted=tables["s"].ids,
        label=label,
        patient={},
        checks=(),
    )
    shown = Inputs(
        np.concatenate([inputs["i"].features, inputs["s"].features]),
        np.concatenate([inputs["i"].scores, inputs["s"].scores]),
    )
    settings = HeadSettings(epochs=60)
    ingredients = Ingredients(grounder=grounder, head=settings, probe=settings)
    predictions = []
    for name in METHODS:
        fitted = make_method(name, ingredients).fit(data, seeds=(0, 1))
        ids = split.in_domain + split.shifted
        predictions.append(Predictions(name, split.name, (0, 1), ids, fitted.predict(shown)))
    return audit(predictions, [split], settings=AuditSettings(replicates=50))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_probe_falls_to_the_shortcut_and_knobo_does_not(seed: int) -> None:
    report = run(seed)
    accuracy = {
        (row.method, row.domain): row.value
        for row in report.rows
        if row.metric == "accuracy" and row.split == "shortcut"
    }
    assert accuracy["linear_probe", "in_domain"] > 0.95
    assert accuracy["linear_probe", "shifted"] < 0.25
    assert accuracy["knobo", "shifted"] > accuracy["linear_probe", "shifted"] + 0.5
    assert accuracy["knobo", "average"] > accuracy["linear_probe", "average"] + 0.1
    assert accuracy["random_concepts", "shifted"] < accuracy["knobo", "shifted"] - 0.2
    assert accuracy["prior_only", "gap"] < accuracy["linear_probe", "gap"] - 0.3
    (paired,) = [
        test
        for test in report.paired
        if (test.reference, test.split, test.domain, test.metric)
        == ("linear_probe", "shortcut", "shifted", "accuracy")
    ]
    assert paired.low > 0.4
