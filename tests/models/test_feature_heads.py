"""Layers on features whose rows need not count alike: linear probe with a penalty, GroupDRO, JTT, DFR."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from models.baselines import (
    DfrSettings,
    GroupDroSettings,
    GroupedImages,
    Ingredients,
    Inputs,
    JttSettings,
    TrainingData,
    make_method,
)
from models.baselines.dfr import balanced, fit_sparse, halves
from models.baselines.group_dro import GroupWeights
from models.baselines.jtt import ErrorWeights, first_errors
from models.baselines.parts.feature_heads import FittedFeatureHeads
from models.baselines.parts.weighted_heads import EqualWeights, Training, descend, train_weighted_heads
from models.errors import ModelsError
from models.heads.mini_batch import train_mini_batch
from models.heads.shared import HeadSettings, Sample
from models.scaling import ScalingKind

WIDTH = 6
SHORT = HeadSettings(epochs=12, batch=16, learning_rate=0.02)


def draw(rows: int, *, seed: int) -> tuple[Inputs, np.ndarray]:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(rows, WIDTH)).astype(np.float32) * 2 + 1
    labels = (features[:, 0] - features[:, 1] + 2 * generator.normal(size=rows) > 0).astype(np.int64)
    return Inputs(features, np.zeros((rows, 0), np.float32)), labels


@pytest.fixture
def data() -> TrainingData:
    (train, train_labels), (validation, validation_labels) = draw(90, seed=0), draw(60, seed=1)
    return TrainingData(
        classes=("no", "yes"),
        concept_ids=(),
        prior=np.zeros((2, 0), np.float32),
        train=train,
        train_labels=train_labels,
        validation=validation,
        validation_labels=validation_labels,
    )


def fitted(name: str, given: Ingredients, data: TrainingData) -> FittedFeatureHeads:
    result = make_method(name, given).fit(data, seeds=(0, 1))
    assert isinstance(result, FittedFeatureHeads)
    return result


def test_without_penalty_and_weights_the_probe_is_the_plain_head(data: TrainingData) -> None:
    unscaled = Ingredients(probe=SHORT, probe_scaling=ScalingKind.NONE, probe_penalty=0.0)
    probe = fitted("linear_probe", unscaled, data)
    plain = train_mini_batch(
        Sample(data.train.features, data.train_labels),
        Sample(data.validation.features, data.validation_labels),
        classes=2,
        seeds=(0, 1),
        settings=SHORT,
        bias=True,
    )
    np.testing.assert_allclose(probe.heads.weight, plain.weight, atol=1e-6)
    np.testing.assert_allclose(probe.heads.bias, plain.bias, atol=1e-6)
    np.testing.assert_array_equal(probe.heads.epoch, plain.epoch)


def test_a_penalised_head_comes_to_the_optimum_of_the_penalised_loss(data: TrainingData) -> None:
    sample = Sample(data.train.features, data.train_labels)
    slow = Training(HeadSettings(epochs=3000, batch=90, learning_rate=3e-3), penalty=0.05)
    *_, (weight, offset) = descend(sample, classes=2, seeds=(0,), training=slow, weighting=EqualWeights())
    # two rows -w/2 and w/2 have the squared norm |w|^2 / 2
    reference = LogisticRegression(C=1 / (90 * 0.05 / 2), tol=1e-10, max_iter=10_000)
    reference.fit(sample.inputs, sample.labels)
    np.testing.assert_allclose((weight[0, 1] - weight[0, 0]).numpy(), reference.coef_[0], atol=2e-3)
    assert float(offset[0, 1] - offset[0, 0]) == pytest.approx(reference.intercept_[0], abs=2e-3)


def test_with_eta_zero_the_loss_of_group_dro_is_the_plain_average_of_the_groups() -> None:
    groups = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    losses = torch.rand(2, 8)
    rows = torch.stack([torch.arange(8), torch.arange(7, -1, -1)])
    weights = GroupWeights(groups, heads=2, step=0.0).weights(losses, rows)
    for head in range(2):
        here = groups[rows[head].numpy()]
        expected = np.mean([losses[head].numpy()[here == name].mean() for name in range(3)])
        assert float((weights[head] * losses[head]).sum()) == pytest.approx(expected, rel=1e-5)


def test_group_dro_moves_its_weights_as_the_paper_says() -> None:
    groups = np.array([7, 7, 3, 3])
    weighting = GroupWeights(groups, heads=1, step=0.5)
    losses, rows = torch.tensor([[0.2, 0.4, 1.0, 3.0]]), torch.tensor([[0, 1, 2, 3]])
    shares = np.array([0.5, 0.5])  # of group 3, then 7
    for _ in range(3):
        weights = weighting.weights(losses, rows)[0].numpy()
        shares = shares * np.exp(0.5 * np.array([2.0, 0.3]))
        shares /= shares.sum()
        expected = np.array([shares[1], shares[1], shares[0], shares[0]]) / 2
        np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_group_dro_comes_to_the_minimax_of_the_groups() -> None:
    generator = np.random.default_rng(4)
    groups = np.repeat([0, 1], [60, 15])
    labels = generator.integers(0, 2, size=75)
    values = generator.normal(size=(75, 3)).astype(np.float32)
    values[:, 0] += np.where(groups == 0, 1.5, -0.5) * (2 * labels - 1)
    training = Training(HeadSettings(epochs=2000, batch=75, learning_rate=3e-3), penalty=0.02)
    weighting = GroupWeights(groups, heads=1, step=0.02)
    *_, (weight, offset) = descend(
        Sample(values, labels.astype(np.int64)), classes=2, seeds=(0,), training=training, weighting=weighting
    )

    def worst(point: np.ndarray) -> float:
        signs = 2 * labels - 1
        losses = np.log1p(np.exp(-signs * (values @ point[:3] + point[3])))
        return float(max(losses[groups == name].mean() for name in (0, 1)) + 0.005 * (point[:3] ** 2).sum())

    found = np.append((weight[0, 1] - weight[0, 0]).numpy(), float(offset[0, 1] - offset[0, 0]))
    best = min(
        minimize(
            worst, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-9}
        ).fun
        for start in (np.zeros(4), found.astype(np.float64))
    )
    assert worst(found) < best + 0.005


def test_in_a_confounded_split_group_dro_is_class_dro(data: TrainingData) -> None:
    given = Ingredients(probe=SHORT, group_dro=GroupDroSettings(step=0.3, penalty=0.05))
    heads = fitted("group_dro", given, data).heads
    center, scale = data.train.features.mean(axis=0), data.train.features.std(axis=0)
    values, labels = torch.tensor((data.train.features - center) / scale), torch.tensor(data.train_labels)
    linear, order, shares = torch.nn.Linear(WIDTH, 2), torch.Generator().manual_seed(1), torch.ones(2) / 2
    for each in (linear.weight, linear.bias):
        torch.nn.init.uniform_(each, -(WIDTH**-0.5), WIDTH**-0.5, generator=order)
    adam = torch.optim.Adam(linear.parameters(), lr=SHORT.learning_rate)
    for _ in range(int(heads.epoch[1])):
        for rows in torch.split(torch.randperm(90, generator=order), SHORT.batch):
            losses = functional.cross_entropy(linear(values[rows]), labels[rows], reduction="none")
            of_class = torch.stack([losses[labels[rows] == number].mean() for number in (0, 1)])
            shares = shares * (0.3 * of_class.detach()).exp()
            shares /= shares.sum()
            adam.zero_grad()
            ((shares * of_class).sum() + 0.025 * (linear.weight**2).sum()).backward()  # type: ignore[no-untyped-call]
            adam.step()
    assert abs(float(shares[0]) - 0.5) > 0.01
    np.testing.assert_allclose(heads.weight[1], linear.weight.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(heads.bias[1], linear.bias.detach().numpy(), atol=1e-5)


def test_group_dro_with_a_fast_step_puts_all_weight_on_the_worst_group_and_stays_finite() -> None:
    weighting = GroupWeights(np.array([0, 0, 1, 1]), heads=1, step=10.0)
    rows, worst = torch.arange(4)[None], torch.tensor([[20.0, 30.0, 0.0, 2.0]])
    for losses in (worst, worst, worst.flip(1), worst.flip(1), worst.flip(1)):
        weights = weighting.weights(losses, rows)[0]
    assert weights.tolist() == pytest.approx([0, 0, 0.5, 0.5])


def test_jtt_with_lambda_one_is_the_linear_probe(data: TrainingData) -> None:
    jtt = fitted("jtt", Ingredients(probe=SHORT, jtt=JttSettings(upweight=1.0, penalty=0.1)), data)
    probe = fitted("linear_probe", Ingredients(probe=SHORT, probe_penalty=0.1), data)
    np.testing.assert_allclose(jtt.heads.weight, probe.heads.weight, atol=1e-6)


def test_jtt_upweights_the_errors_of_its_first_model(data: TrainingData) -> None:
    sample, first = Sample(data.train.features, data.train_labels), Training(replace(SHORT, epochs=2))
    wrong = first_errors(sample, classes=2, seeds=(0, 1), training=first)
    *_, (weight, offset) = descend(sample, classes=2, seeds=(0, 1), training=first, weighting=EqualWeights())
    for head in range(2):
        shown = (sample.inputs @ weight[head].numpy().T + offset[head].numpy()).argmax(axis=1)
        np.testing.assert_array_equal(wrong[head].numpy(), shown != sample.labels)
    relative = ErrorWeights(wrong, upweight=4.0).relative
    assert relative.mean(dim=1).tolist() == pytest.approx([1, 1])
    ratio = relative[0][wrong[0]][0] / relative[0][~wrong[0]][0]
    assert float(ratio) == pytest.approx(4)


def test_an_upweighted_row_counts_as_if_it_stood_there_so_often() -> None:
    generator = torch.Generator().manual_seed(0)
    values, labels = torch.randn(5, 3, generator=generator), torch.tensor([0, 1, 1, 0, 1])
    weight = torch.randn(2, 3, generator=generator)
    wrong = torch.tensor([[False, True, False, True, False]])
    relative = ErrorWeights(wrong, upweight=3.0).weights(torch.zeros(1, 5), torch.arange(5)[None])[0]
    losses = functional.cross_entropy(values @ weight.T, labels, reduction="none")
    repeated = torch.tensor([0, 1, 1, 1, 2, 3, 3, 3, 4])
    assert float((losses * relative).sum()) == pytest.approx(float(losses[repeated].mean()), rel=1e-5)


def oracle_images(rows: int, *, seed: int) -> GroupedImages:
    inputs, labels = draw(rows, seed=seed)
    groups = labels + 2 * (np.arange(rows) % 3 == 0)
    return GroupedImages(inputs, labels, groups, source="a drawer")


def test_dfr_needs_an_oracle_and_says_so(data: TrainingData) -> None:
    with pytest.raises(ModelsError, match="dfr is an oracle"):
        make_method("dfr", Ingredients()).fit(data, seeds=(0,))
    told = replace(data, oracle=oracle_images(8, seed=2))
    with pytest.raises(ModelsError, match="the smallest of 3 groups among a drawer has 1;"):
        make_method("dfr", Ingredients()).fit(told, seeds=(0,))


def test_dfr_averages_balanced_resamples_at_the_strength_of_the_best_worst_group(
    data: TrainingData, tmp_path: Path
) -> None:
    oracle = oracle_images(120, seed=2)
    grid = (1.0, 0.1, 0.02)
    result = fitted("dfr", Ingredients(dfr=DfrSettings(grid, resamples=3)), replace(data, oracle=oracle))
    center, scale = data.train.features.mean(axis=0), data.train.features.std(axis=0)
    values = (oracle.inputs.features.astype(np.float64) - center) / scale
    generator = np.random.default_rng(0)
    first, second = halves(oracle.groups, generator=generator)
    rows = first[balanced(oracle.groups[first], generator=generator)]
    scores = []
    for strength in grid:
        model = LogisticRegression(l1_ratio=1.0, C=strength, solver="liblinear", random_state=0)
        right = model.fit(values[rows], oracle.labels[rows]).predict(values[second]) == oracle.labels[second]
        scores.append(min(right[oracle.groups[second] == group].mean() for group in range(4)))
    chosen = grid[int(np.argmax(scores))]
    model = LogisticRegression(l1_ratio=1.0, C=chosen, solver="liblinear", random_state=0)
    coefficients = []
    for _ in range(3):
        rows = balanced(oracle.groups, generator=generator)
        coefficients.append(model.fit(values[rows], oracle.labels[rows]).coef_[0])
    expected = np.mean(coefficients, axis=0)
    np.testing.assert_allclose(result.heads.weight[0, 1] - result.heads.weight[0, 0], expected, atol=1e-4)
    result.save(tmp_path)
    about = json.loads((tmp_path / "0" / "about.json").read_text())
    assert about["oracle"] == "a drawer"
    assert about["oracle_images"] == 120
    assert about["C"][0] == chosen
    assert about["worst_group_accuracy_among_told"][0] == pytest.approx(max(scores))
    right = result.predict(data.validation)[0].argmax(axis=1) == data.validation_labels
    assert about["validation_accuracy"] == pytest.approx(right.mean())
    assert about["validation_accuracy"] != pytest.approx(max(scores))


def test_balanced_draws_have_as_many_of_each_group_and_halves_share_no_row() -> None:
    groups = np.repeat([0, 1, 2], [20, 9, 12])
    generator = np.random.default_rng(0)
    drawn = balanced(groups, generator=generator)
    assert np.bincount(groups[drawn]).tolist() == [9, 9, 9]
    assert len(np.unique(drawn)) == 27
    first, second = halves(groups, generator=generator)
    assert sorted([*first, *second]) == list(range(41))
    assert np.bincount(groups[first]).tolist() == [10, 4, 6]


def test_beyond_two_classes_dfr_fits_one_against_the_rest() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    values = generator.normal(size=(120, 5))
    values[np.arange(120), labels] += 4
    weight, bias = fit_sparse(values, labels, classes=3, strength=1.0)
    assert weight.shape == (3, 5)
    assert ((values @ weight.T + bias).argmax(axis=1) == labels).mean() > 0.95


def test_the_kept_epoch_is_the_best_on_validation(data: TrainingData) -> None:
    train = Sample(data.train.features, data.train_labels)
    validation = Sample(data.validation.features, data.validation_labels)
    training = Training(SHORT, penalty=0.1)
    heads = train_weighted_heads(
        train, validation, classes=2, seeds=(3,), training=training, weighting=EqualWeights()
    )
    accuracies = []
    for weight, offset in descend(train, classes=2, seeds=(3,), training=training, weighting=EqualWeights()):
        shown = (validation.inputs @ weight[0].numpy().T + offset[0].numpy()).argmax(axis=1)
        accuracies.append((shown == validation.labels).mean())
    assert heads.validation_accuracy[0] == pytest.approx(max(accuracies[1:]))
    assert accuracies[int(heads.epoch[0])] == pytest.approx(max(accuracies[1:]))
