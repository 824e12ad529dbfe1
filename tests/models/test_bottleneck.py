from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.bottleneck import KnoBo, fit_knobo, prior_loss
from models.errors import ModelsError
from models.heads.mini_batch import train_mini_batch
from models.heads.shared import HeadSettings, Sample, prior_gradient
from models.scaling import Scaling, ScalingKind

SIGNS = np.array([[1, -1, 1], [-1, 1, 1]], dtype=np.float32)


def make_samples(rows: int = 90, concepts: int = 6, classes: int = 3) -> tuple[Sample, Sample]:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(concepts, classes)) * 4
    parts = []
    for count in (rows, rows // 2):
        scores = generator.random((count, concepts)).astype(np.float32)
        labels = (scores @ truth + generator.gumbel(size=(count, classes))).argmax(axis=1)
        parts.append(Sample(scores, labels))
    return parts[0], parts[1]


def random_prior(classes: int, concepts: int) -> np.ndarray:
    return np.random.default_rng(1).choice(np.array([-1, 1], dtype=np.float32), size=(classes, concepts))


def plain_loop(
    train: Sample, validation: Sample, prior: np.ndarray, *, seed: int, settings: HeadSettings
) -> tuple[np.ndarray, int]:
    """The released training loop, one head, with autograd."""
    classes, width = prior.shape
    torch.set_num_threads(1)  # a second thread only waits, on a busy machine for long
    torch.manual_seed(seed)
    head = nn.Linear(width, classes, bias=False)
    generator = torch.Generator().manual_seed(seed)
    torch.empty(classes, width).uniform_(generator=generator)
    adam = torch.optim.Adam(head.parameters(), lr=settings.learning_rate)
    inputs, labels = torch.from_numpy(train.inputs), torch.from_numpy(train.labels)
    best, kept, epoch_kept = (-1.0, 0.0), head.weight.detach().clone(), 0
    for epoch in range(1, settings.epochs + 1):
        for rows in torch.split(torch.randperm(len(labels), generator=generator), settings.batch):
            loss = nn.functional.cross_entropy(head(inputs[rows]), labels[rows])
            loss = loss + settings.strength * (head.weight.tanh() - torch.from_numpy(prior)).abs().mean()
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        with torch.no_grad():
            logits, truth = head(torch.from_numpy(validation.inputs)), torch.from_numpy(validation.labels)
            accuracy = (logits.argmax(1) == truth).double().mean().item()
            score = (accuracy, -nn.functional.cross_entropy(logits, truth).item())
        if score > best:
            best, kept, epoch_kept = score, head.weight.detach().clone(), epoch
    return kept.numpy(), epoch_kept


def test_prior_loss_is_one_at_zero_and_goes_to_zero_along_the_prior_and_to_two_against_it() -> None:
    assert prior_loss(np.zeros_like(SIGNS), SIGNS) == 1
    assert prior_loss(20 * SIGNS, SIGNS) == pytest.approx(0, abs=1e-6)
    assert prior_loss(-20 * SIGNS, SIGNS) == pytest.approx(2, abs=1e-6)


def test_prior_gradient_is_that_of_autograd_and_of_the_formula() -> None:
    weight = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    prior = torch.from_numpy(SIGNS).expand(4, 2, 3)
    (weight.tanh() - prior).abs().mean(dim=(1, 2)).sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    torch.testing.assert_close(prior_gradient(weight.detach(), prior), weight.grad)
    by_hand = np.sign(np.tanh(0.5) - 1) * (1 - np.tanh(0.5) ** 2) / 6
    found = prior_gradient(torch.full((1, 2, 3), 0.5), torch.from_numpy(SIGNS)[None])
    assert found[0, 0, 0].item() == pytest.approx(by_hand)


def test_heads_trained_side_by_side_are_those_of_a_plain_loop() -> None:
    train, validation = make_samples()
    settings = HeadSettings(epochs=12, batch=16, learning_rate=0.02)
    prior = random_prior(3, 6)
    seeds = (3, 0, 11)
    together = train_mini_batch(train, validation, classes=3, seeds=seeds, settings=settings, prior=prior)
    for row, seed in enumerate(seeds):
        weight, epoch = plain_loop(train, validation, prior, seed=seed, settings=settings)
        np.testing.assert_allclose(together.weight[row], weight, atol=1e-5)
        assert together.epoch[row] == epoch
    np.testing.assert_array_equal(together.bias, 0)


def test_a_head_does_not_depend_on_the_others() -> None:
    train, validation = make_samples()
    settings = HeadSettings(epochs=5, batch=16)
    prior = np.stack([random_prior(3, 6), -random_prior(3, 6)])
    together = train_mini_batch(train, validation, classes=3, seeds=(1, 2), settings=settings, prior=prior)
    for row, seed in enumerate((1, 2)):
        alone = train_mini_batch(
            train, validation, classes=3, seeds=(seed,), settings=settings, prior=prior[row]
        )
        np.testing.assert_allclose(together.weight[row], alone.weight[0], atol=1e-6)


def test_heads_may_have_inputs_of_their_own() -> None:
    train, validation = make_samples()
    settings = HeadSettings(epochs=4, batch=16)
    other = Sample(train.inputs[:, ::-1].copy(), train.labels), validation.inputs[:, ::-1].copy()
    own = Sample(np.stack([train.inputs, other[0].inputs]), train.labels)
    own_validation = Sample(np.stack([validation.inputs, other[1]]), validation.labels)
    together = train_mini_batch(own, own_validation, classes=3, seeds=(5, 5), settings=settings, bias=True)
    second = train_mini_batch(
        other[0], Sample(other[1], validation.labels), classes=3, seeds=(5,), settings=settings, bias=True
    )
    np.testing.assert_allclose(together.weight[1], second.weight[0], atol=1e-6)
    np.testing.assert_allclose(together.bias[1], second.bias[0], atol=1e-6)


def test_a_head_starts_as_torch_linear_does() -> None:
    train, validation = make_samples()
    settings = HeadSettings(epochs=1, learning_rate=1e-30)
    heads = train_mini_batch(train, validation, classes=3, seeds=(7,), settings=settings, bias=True)
    torch.manual_seed(7)
    reference = nn.Linear(6, 3)
    np.testing.assert_allclose(heads.weight[0], reference.weight.detach().numpy())
    np.testing.assert_allclose(heads.bias[0], reference.bias.detach().numpy())


def test_the_epoch_kept_has_the_best_validation_accuracy() -> None:
    train, validation = make_samples()
    accuracies = []
    for epochs in range(1, 9):
        settings = HeadSettings(epochs=epochs, batch=8, learning_rate=0.1)
        heads = train_mini_batch(train, validation, classes=3, seeds=(0,), settings=settings)
        logits = validation.inputs @ heads.weight[0].T
        accuracy = (logits.argmax(axis=1) == validation.labels).mean()
        assert heads.validation_accuracy[0] == pytest.approx(accuracy)
        accuracies.append(accuracy)
    assert accuracies == sorted(accuracies)


def test_a_strong_prior_decides_the_signs() -> None:
    train, validation = make_samples()
    prior = random_prior(3, 6)
    settings = HeadSettings(strength=500, epochs=100, learning_rate=0.05)
    names = [f"c{n}" for n in range(6)]
    (head,) = fit_knobo(
        train, validation, classes=["a", "b", "c"], concept_ids=names, prior=prior, settings=settings
    )
    assert prior_loss(head.weight, head.prior) < 0.6
    assert head.about["prior_loss"] == prior_loss(head.weight, head.prior)


def make_head(*, scaling: Scaling | None = None) -> KnoBo:
    return KnoBo(
        classes=("benign", "malignant"),
        concept_ids=("round", "dark", "wide"),
        weight=np.array([[1, -2, 0.5], [0, 3, -1]], dtype=np.float32),
        prior=SIGNS,
        scaling=scaling or Scaling.fit(ScalingKind.NONE, np.zeros((1, 3))),
        about={"seed": 4},
    )


def test_probabilities_are_the_softmax_of_scores_times_weights() -> None:
    head = make_head()
    logits = np.array([0.5 * 1 - 0.2 * 2 + 0.4 * 0.5, 0.2 * 3 - 0.4 * 1])
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(head.predict(np.array([[0.5, 0.2, 0.4]]))[0], expected)


def test_an_explanation_adds_up_to_the_logits_and_names_the_largest_first() -> None:
    head = make_head(
        scaling=Scaling(ScalingKind.STANDARD, np.array([0.1, 0.2, 0.3]), np.array([1.0, 2, 0.5]))
    )
    scores = np.array([0.5, 0.9, 0.4])
    explained = head.explain(scores)
    sums = [sum(part.amount for part in one) for one in explained]
    np.testing.assert_allclose(sums, head.logits(scores[None])[0])
    for one in explained:
        sizes = [abs(part.amount) for part in one]
        assert sizes == sorted(sizes, reverse=True)
    assert explained[1][0].concept_id == "dark"
    assert explained[1][0].score == pytest.approx(0.9)
    assert explained[1][0].weight == 3


def test_a_saved_head_predicts_the_same(tmp_path: Path) -> None:
    head = make_head()
    head.save(tmp_path / "0")
    again = KnoBo.load(tmp_path / "0")
    scores = np.random.default_rng(0).random((5, 3))
    np.testing.assert_array_equal(again.predict(scores), head.predict(scores))
    np.testing.assert_array_equal(again.prior, head.prior)
    assert (again.classes, again.concept_ids, again.about) == (head.classes, head.concept_ids, head.about)


def test_a_prior_of_another_shape_or_range_is_refused() -> None:
    train, validation = make_samples()
    names = [f"c{n}" for n in range(6)]
    with pytest.raises(ModelsError, match=r"shape \(2, 6\) for 3 classes and 6 concepts"):
        fit_knobo(train, validation, classes="abc", concept_ids=names, prior=np.ones((2, 6)))
    with pytest.raises(ModelsError, match="outside"):
        fit_knobo(train, validation, classes="abc", concept_ids=names, prior=np.full((3, 6), 2.0))
