import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from models.baselines import (
    METHODS,
    ConceptExamples,
    GroupedImages,
    Ingredients,
    Inputs,
    TrainingData,
    make_method,
)
from models.baselines.random_concepts import random_directions
from models.bottleneck import KnoBo
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding import Grounder, GroundingSettings, fit_grounders
from models.heads.shared import HeadSettings

ROWS, WIDTH, CONCEPTS = 120, 12, 5
HEAD = HeadSettings(epochs=20)


def make_grounder() -> Grounder:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(100, WIDTH)).astype(np.float32) * 3 + 1
    table = FeatureTable(tuple(map(str, range(100))), tuple(map(str, range(WIDTH))), values)
    answers = (values[:, :CONCEPTS] > 1).astype(np.float32)
    names = [f"c{n}" for n in range(CONCEPTS)]
    return fit_grounders(table, answers, concept_ids=names, settings=GroundingSettings(replicates=20))


def make_data(grounder: Grounder) -> TrainingData:
    generator = np.random.default_rng(1)
    parts = []
    for _ in range(2):
        features = (generator.normal(size=(ROWS, WIDTH)) * 3 + 1).astype(np.float32)
        labels = (features[:, 0] - features[:, 1] + generator.normal(size=ROWS) > 0).astype(np.int64)
        parts.append((Inputs(features, grounder.probabilities(features)), labels))
    prior = np.array([[-1, 1, -1, -1, 1], [1, -1, 1, -1, 1]], dtype=np.float32)
    return TrainingData(
        classes=("no", "yes"),
        concept_ids=grounder.concept_ids,
        prior=prior,
        train=parts[0][0],
        train_labels=parts[0][1],
        validation=parts[1][0],
        validation_labels=parts[1][1],
        oracle=GroupedImages(parts[1][0], parts[1][1], parts[1][1], source="images of a test"),
    )


def make_ingredients(grounder: Grounder) -> Ingredients:
    generator = np.random.default_rng(2)
    features = (generator.normal(size=(100, WIDTH)) * 3 + 1).astype(np.float32)
    answers = (features[:, :CONCEPTS] > 1).astype(np.float32)
    return Ingredients(
        grounder=grounder,
        examples=ConceptExamples(grounder.concept_ids, features, answers),
        concept_text=generator.normal(size=(CONCEPTS, 7)).astype(np.float32),
        image_text=generator.normal(size=(CONCEPTS, WIDTH)).astype(np.float32),
        head=HEAD,
        probe=HEAD,
    )


@pytest.fixture(scope="module")
def grounder() -> Grounder:
    return make_grounder()


@pytest.fixture(scope="module")
def data(grounder: Grounder) -> TrainingData:
    return make_data(grounder)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "fine_tune"])
def test_every_method_gives_probabilities_for_each_seed_and_saves_each(
    name: str, grounder: Grounder, data: TrainingData, tmp_path: Path
) -> None:
    method = make_method(name, make_ingredients(grounder))
    seen: list[tuple[int, int]] = []
    fitted = method.fit(data, seeds=(4, 7), progress=lambda done, total: seen.append((done, total)))
    shown = fitted.predict(data.validation)
    assert method.name == name
    assert shown.shape == (2, ROWS, 2)
    np.testing.assert_allclose(shown.sum(axis=2), 1)
    assert seen[-1][0] == seen[-1][1]
    fitted.save(tmp_path)
    for seed in ("4", "7"):
        about = json.loads((tmp_path / seed / "about.json").read_text())
        assert about["classes"] == ["no", "yes"]
    again = method.fit(data, seeds=(7,)).predict(data.validation)
    np.testing.assert_allclose(again[0], shown[1], atol=1e-5)
    if name != "prior_only":
        assert np.abs(shown[0] - shown[1]).max() > 1e-6


@pytest.mark.parametrize("name", ["knobo", "no_prior", "random_prior", "prior_only"])
def test_bottleneck_heads_can_be_loaded_and_predict_the_same(
    name: str, grounder: Grounder, data: TrainingData, tmp_path: Path
) -> None:
    fitted = make_method(name, Ingredients(grounder=grounder, head=HEAD)).fit(data, seeds=(0,))
    fitted.save(tmp_path)
    head = KnoBo.load(tmp_path / "0")
    expected = fitted.predict(data.validation)[0]
    np.testing.assert_allclose(head.predict(data.validation.scores), expected)


def test_the_prior_alone_is_the_weight_of_prior_only(grounder: Grounder, data: TrainingData) -> None:
    fitted = make_method("prior_only", Ingredients(grounder=grounder)).fit(data, seeds=(0, 1))
    logits = data.validation.scores.astype(float) @ data.prior.T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict(data.validation), np.stack([expected, expected]))


def test_knobo_and_its_controls_differ_in_the_prior_only(grounder: Grounder, data: TrainingData) -> None:
    strong = HeadSettings(epochs=20, strength=300)
    shown = {
        name: make_method(name, Ingredients(grounder=grounder, head=strong)).fit(data, seeds=(0,))
        for name in ("knobo", "no_prior", "random_prior")
    }
    predictions = {name: fitted.predict(data.validation) for name, fitted in shown.items()}
    weak = Ingredients(grounder=grounder, head=HeadSettings(epochs=20, strength=0))
    unpriored = make_method("knobo", weak).fit(data, seeds=(0,)).predict(data.validation)
    np.testing.assert_array_equal(predictions["no_prior"], unpriored)
    assert np.abs(predictions["knobo"] - predictions["no_prior"]).max() > 0.01
    assert np.abs(predictions["knobo"] - predictions["random_prior"]).max() > 0.01


def test_random_directions_are_as_long_as_the_grounders_and_differ_by_seed(grounder: Grounder) -> None:
    one, other = random_directions(grounder, seed=0), random_directions(grounder, seed=1)
    lengths = np.linalg.norm(grounder.weight, axis=1)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), lengths)
    cosines = (one * other).sum(axis=1) / lengths**2
    assert np.abs(cosines).max() < 0.95
    np.testing.assert_array_equal(one, random_directions(grounder, seed=0))


def test_the_linear_probe_learns_as_well_as_a_logistic_regression(
    grounder: Grounder, data: TrainingData
) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(800, 200)).astype(np.float32) * 5 + 2
    labels = (features[:, :10].sum(axis=1) + 10 * generator.normal(size=800) > 20).astype(np.int64)
    scores = np.zeros((400, CONCEPTS), dtype=np.float32)
    wide = replace(
        data,
        train=Inputs(features[:400], scores),
        train_labels=labels[:400],
        validation=Inputs(features[400:], scores),
        validation_labels=labels[400:],
    )
    probe = make_method("linear_probe", Ingredients(grounder=grounder))
    shown = probe.fit(wide, seeds=(0, 1)).predict(wide.validation)
    accuracy = (shown.argmax(axis=2) == wide.validation_labels).mean()
    scaled = StandardScaler().fit(features[:400])
    reference = LogisticRegression().fit(scaled.transform(features[:400]), labels[:400])
    assert accuracy > reference.score(scaled.transform(features[400:]), labels[400:]) - 0.02


def test_an_unknown_method_and_a_missing_encoder_are_named(grounder: Grounder) -> None:
    with pytest.raises(ModelsError, match="there is no method 'magic'; choose from knobo"):
        make_method("magic", Ingredients(grounder=grounder))
    with pytest.raises(ModelsError, match="fine_tune needs an encoder"):
        make_method("fine_tune", Ingredients(grounder=grounder))
