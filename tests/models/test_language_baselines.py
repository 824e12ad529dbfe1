import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from models.baselines import ConceptExamples, Ingredients, Inputs, TrainingData, make_method
from models.baselines.parts.language_projection import (
    Pairs,
    ProjectionSettings,
    balanced,
    learn_projections,
    margin_loss,
)
from models.baselines.parts.once import digest, once
from models.baselines.parts.weighted_heads import EqualWeights, Training, head_logits, train_weighted_heads
from models.errors import ModelsError
from models.heads.shared import HeadSettings, Sample
from models.scaling import ScalingKind

WIDTH, CONCEPTS = 20, ("opacity", "fluid", "size")
HEAD = HeadSettings(epochs=20, learning_rate=0.01)


def make_examples(*, rows: int = 300) -> ConceptExamples:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, WIDTH)).astype(np.float32)
    answers = (features[:, :3] > [0.5, 0.8, 1.0]).astype(np.float32)
    answers[generator.random(answers.shape) < 0.1] = np.nan
    return ConceptExamples(CONCEPTS, features, answers)


def make_text() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, 9)).astype(np.float32)


def make_data() -> TrainingData:
    generator = np.random.default_rng(2)
    parts = []
    for rows in (200, 100):
        features = generator.normal(size=(rows, WIDTH)).astype(np.float32)
        labels = (features[:, 0] + 0.5 * generator.normal(size=rows) > 0).astype(np.int64)
        scores = 1 / (1 + np.exp(-features[:, :3]))
        parts.append((Inputs(features, scores.astype(np.float32)), labels))
    return TrainingData(
        classes=("normal", "abnormal"),
        concept_ids=CONCEPTS,
        prior=np.array([[-1, 1, -1], [1, -1, 1]], dtype=np.float32),
        train=parts[0][0],
        train_labels=parts[0][1],
        validation=parts[1][0],
        validation_labels=parts[1][1],
    )


def make_given() -> Ingredients:
    return Ingredients(
        examples=make_examples(),
        concept_text=make_text(),
        image_text=np.random.default_rng(3).normal(size=(3, WIDTH)).astype(np.float32),
        head=HEAD,
        probe=HEAD,
    )


def test_the_margin_loss_is_nothing_for_a_sign_at_the_margin_and_has_no_floor_without_it() -> None:
    near = torch.tensor([[0.6, 0.9, 0.2, -1.0, 0.5]])
    yes, no = torch.tensor([[1.0, 1, 1, 0, 0]]), torch.tensor([[0.0, 0, 0, 1, 1]])
    assert margin_loss(near[:, :2], yes[:, :2], no[:, :2], margin=0.6).item() == 0
    assert margin_loss(near, yes, no, margin=0.6).item() == pytest.approx(0.4 - 1.0 + 0.5)


def test_answers_count_as_the_paper_draws_them_in_the_mean() -> None:
    answers = np.array([[1, 0, 0, 0, np.nan]] * 3, dtype=np.float32).T
    yes, no = balanced(answers)
    np.testing.assert_allclose(yes[:, 0], [1, 0, 0, 0, 0])
    np.testing.assert_allclose(no[:, 0], [0, 1 / 3, 1 / 3, 1 / 3, 0])


def test_the_loss_of_pairs_is_the_weighted_mean_of_cosine_losses_one_by_one() -> None:
    examples, text = make_examples(rows=12), make_text()
    yes, no = balanced(examples.answers)
    weight = torch.tensor(np.random.default_rng(5).normal(size=(9, WIDTH)), dtype=torch.float32)
    pairs = Pairs(
        torch.tensor(examples.features),
        functional.normalize(torch.tensor(text), dim=1),
        torch.tensor(yes),
        torch.tensor(no),
    )
    rows = [1, 4, 7, 9]
    lost = counted = 0.0
    for row in rows:
        for column in range(3):
            placed = weight.numpy() @ examples.features[row]
            cosine = placed @ text[column] / np.linalg.norm(placed) / np.linalg.norm(text[column])
            lost += yes[row, column] * max(0, 0.6 - cosine) + no[row, column] * cosine
            counted += yes[row, column] + no[row, column]
    shown = pairs.loss(weight, torch.tensor(rows), margin=0.6)
    assert shown.item() == pytest.approx(lost / counted, abs=1e-6)


def test_projected_images_lie_nearer_to_the_signs_that_they_show() -> None:
    examples, text = make_examples(), make_text()
    settings = ProjectionSettings(epochs=40)
    projections = learn_projections(examples, text, seeds=(0, 1), settings=settings)
    fresh = np.random.default_rng(9).normal(size=(500, WIDTH)).astype(np.float32)
    placed = projections.apply(fresh)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=2), 1, rtol=1e-5)
    cosines = placed @ (text / np.linalg.norm(text, axis=1, keepdims=True)).T
    for column, threshold in enumerate((0.5, 0.8, 1.0)):
        shows = fresh[:, column] > threshold
        for seed in range(2):
            order = np.argsort(np.argsort(cosines[seed, :, column]))
            auroc = (order[shows].mean() - (shows.sum() - 1) / 2) / (~shows).sum()
            assert auroc > 0.8
    alone = learn_projections(examples, text, seeds=(1,), settings=settings)
    np.testing.assert_allclose(alone.weight[0], projections.weight[1])
    assert projections.epoch[0] > 0


def test_language_shaping_ends_in_a_linear_probe_on_the_text_space(tmp_path: Path) -> None:
    data, given = make_data(), make_given()
    fitted = make_method("language_shaped", given).fit(data, seeds=(0, 1))
    shown = fitted.predict(data.validation)
    projections = learn_projections(
        given.examples or make_examples(), make_text(), seeds=(0, 1), settings=ProjectionSettings()
    )
    train, held = (projections.apply(each.features)[1] for each in (data.train, data.validation))
    reference = LogisticRegression(C=10).fit(train, data.train_labels).score(held, data.validation_labels)
    assert (shown[1].argmax(axis=1) == data.validation_labels).mean() > reference - 0.05
    fitted.save(tmp_path)
    kept = load_file(tmp_path / "1" / "tensors.safetensors")
    placed = (data.validation.features - kept["center"]) / kept["scale"] @ kept["projection"].T
    placed /= np.linalg.norm(placed, axis=1, keepdims=True)
    logits = (placed - kept["probe_center"]) / kept["probe_scale"] @ kept["weight"].T + kept["bias"]
    expected = functional.softmax(torch.tensor(logits), dim=1).numpy()
    np.testing.assert_allclose(shown[1], expected, atol=1e-4)


def test_language_shaping_refuses_what_it_cannot_do_without() -> None:
    with pytest.raises(ModelsError, match="language_shaped learns from images with reports and vectors"):
        make_method("language_shaped", Ingredients(examples=make_examples()))
    with pytest.raises(ModelsError, match="2 text vectors for 3 concepts"):
        learn_projections(make_examples(), make_text()[:2], seeds=(0,), settings=ProjectionSettings())


def test_the_joint_hybrid_is_the_sum_of_a_concept_layer_and_a_residual(tmp_path: Path) -> None:
    data, given = make_data(), make_given()
    joint = make_method("pcbm_h_joint", given).fit(data, seeds=(0, 3))
    shown = joint.predict(data.validation)
    joint.save(tmp_path)
    kept = load_file(tmp_path / "3" / "tensors.safetensors")
    concepts = (data.validation.scores - kept["score_center"]) / kept["score_scale"]
    features = (data.validation.features - kept["center"]) / kept["scale"]
    for_concepts, for_features = kept["weight"][:, :3], kept["weight"][:, 3:]
    bottleneck = torch.tensor(concepts @ for_concepts.T + kept["bias"])
    residual = torch.tensor(features @ for_features.T)
    whole = functional.softmax(bottleneck + residual, dim=1).numpy()
    np.testing.assert_allclose(shown[1], whole, atol=1e-6)
    zeroed = make_method("pcbm_h_joint_residual_zeroed", given).fit(data, seeds=(0, 3))
    np.testing.assert_allclose(
        zeroed.predict(data.validation)[1], functional.softmax(bottleneck, dim=1).numpy(), atol=1e-6
    )
    np.testing.assert_array_equal(joint.predict(data.validation), shown)  # zeroing made a copy


def test_dot_products_are_knobo_on_cosines(tmp_path: Path) -> None:
    data, given = make_data(), make_given()
    fitted = make_method("dot_product", given).fit(data, seeds=(0,))
    assert given.image_text is not None
    cosines = [
        functional.cosine_similarity(
            torch.tensor(part.features)[:, None], torch.tensor(given.image_text), dim=2
        )
        for part in (data.train, data.validation)
    ]
    parts = [Inputs(np.zeros((len(each), 1), np.float32), each.numpy()) for each in cosines]
    same = TrainingData(
        data.classes, CONCEPTS, data.prior, parts[0], data.train_labels, parts[1], data.validation_labels
    )
    expected = make_method("knobo", given).fit(same, seeds=(0,)).predict(parts[1])
    np.testing.assert_allclose(fitted.predict(data.validation), expected, atol=1e-4)
    fitted.save(tmp_path)
    about = json.loads((tmp_path / "0" / "vectors" / "about.json").read_text())
    assert about["concept_ids"] == list(CONCEPTS)


def read(directory: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    return load_file(directory / "tensors.safetensors"), json.loads((directory / "about.json").read_text())


def scaled(values: np.ndarray, kind: str, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    if kind == "unit":
        center, scale = np.zeros(1), np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray((values - center) / scale)


def scores_of(features: np.ndarray, kept: dict[str, np.ndarray], kind: str) -> np.ndarray:
    placed = scaled(features, kind, kept["feature_center"], kept["feature_scale"])
    return np.asarray(placed @ kept["vectors"].T + kept["offset"])


@pytest.mark.parametrize("name", ["pcbm", "pcbm_text", "dot_product", "pcbm_h_joint_text"])
def test_the_files_of_a_method_on_concept_vectors_are_enough_to_predict(name: str, tmp_path: Path) -> None:
    data = make_data()
    given = replace(make_given(), head=replace(HEAD, scaling=ScalingKind.STANDARD))
    fitted = make_method(name, given).fit(data, seeds=(4,))
    fitted.save(tmp_path)
    kept, about = read(tmp_path / "4")
    features = data.validation.features.astype(np.float64)
    if name.startswith("pcbm_h_joint"):
        source = {key.removeprefix("scores_"): each for key, each in kept.items()}
        scores = scores_of(features, source, about["feature_scaling"])
        parts = [
            scaled(scores, about["score_scaling"], kept["score_center"], kept["score_scale"]),
            scaled(features, about["scaling"], kept["center"], kept["scale"]),
        ]
        logits = np.concatenate(parts, axis=1) @ kept["weight"].T + kept["bias"]
    elif name == "dot_product":
        vectors, about_vectors = read(tmp_path / "4" / "vectors")
        scores = scores_of(features, vectors, about_vectors["feature_scaling"])
        logits = scaled(scores, about["scaling"], kept["center"], kept["scale"]) @ kept["weight"].T
    else:
        logits = scores_of(features, kept, about["feature_scaling"]) @ kept["weight"].T + kept["bias"]
    expected = functional.softmax(torch.tensor(logits), dim=1).numpy()
    np.testing.assert_allclose(fitted.predict(data.validation)[0], expected, atol=1e-9)


@pytest.mark.parametrize("name", ["pcbm_text", "dot_product", "pcbm_h_joint_text"])
def test_methods_of_image_and_text_refuse_an_encoder_of_images_only(name: str) -> None:
    with pytest.raises(ModelsError, match=f"{name} compares images with text and this encoder reads images"):
        make_method(name, Ingredients(examples=make_examples()))


def test_equal_content_is_trained_once_and_other_content_again() -> None:
    calls = []

    @once(capacity=2)
    def total(values: np.ndarray, *, settings: HeadSettings) -> float:
        calls.append((len(values), settings.epochs))
        return float(values.sum())

    one, other = np.arange(4.0), np.arange(4.0).reshape(2, 2)
    assert (
        total(one, settings=HEAD)
        == total(one.copy(), settings=HeadSettings(epochs=20, learning_rate=0.01))
        == 6
    )
    assert calls == [(4, 20)]
    total(other, settings=HEAD)
    total(one, settings=HeadSettings(epochs=3))
    assert calls == [(4, 20), (2, 20), (4, 3)]
    total(one, settings=HEAD)  # the oldest but one was forgotten
    assert calls == [(4, 20), (2, 20), (4, 3), (4, 20)]


def test_threads_that_ask_for_the_same_at_once_share_one_result() -> None:
    together, calls = Barrier(4), []

    @once(capacity=9)
    def doubled(value: float) -> list[float]:
        calls.append(value)
        time.sleep(0.05)  # the others arrive meanwhile
        return [2 * value]

    def ask(value: float) -> list[float]:
        together.wait()
        return doubled(value)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, [1.0, 1.0, 3.0, 1.0]))
    assert sorted(calls) == [1, 3]
    assert found == [[2], [2], [6], [2]]
    assert found[0] is found[1] is found[3]


def test_a_result_that_another_thread_pushes_out_is_still_given_back() -> None:
    same = once(capacity=1)(lambda value: value)
    asked = [number // 2 % 2 for number in range(4000)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(6) as threads:
            assert list(threads.map(same, asked)) == asked
    finally:
        sys.setswitchinterval(before)


def test_a_failure_is_not_kept() -> None:
    divisors = [7.0, 0.0]

    @once(capacity=1)
    def unsteady() -> float:
        return 7 / divisors.pop()

    with pytest.raises(ZeroDivisionError):
        unsteady()
    assert unsteady() == unsteady() == 1


def test_a_digest_tells_types_shapes_and_fields_apart() -> None:
    values = [
        np.zeros(4),
        np.zeros((2, 2)),
        np.zeros(8, np.float32),
        np.zeros(0),
        [np.zeros(4)],
        make_examples(),
        make_examples(rows=299),
        HEAD,
        None,
        0,
        "0",
        ("a", "b"),
        ("ab",),
    ]
    assert len({digest(value) for value in values}) == len(values)
    assert digest(make_examples()) == digest(make_examples())


def test_heads_with_a_table_each_are_those_trained_alone() -> None:
    generator = np.random.default_rng(4)
    tables, labels = generator.normal(size=(2, 90, 6)), generator.integers(0, 3, 90)
    together, *alone = (
        train_weighted_heads(
            Sample(tables[part], labels),
            Sample(tables[part], labels),
            classes=3,
            seeds=seeds,
            training=Training(HEAD, penalty=0.01),
            weighting=EqualWeights(),
        )
        for part, seeds in ((slice(None), (3, 8)), (0, (3,)), (1, (8,)))
    )
    np.testing.assert_allclose(together.weight, np.concatenate([each.weight for each in alone]), atol=1e-5)
    np.testing.assert_allclose(
        head_logits(together, tables)[1], tables[1] @ together.weight[1].T + together.bias[1], atol=1e-6
    )
