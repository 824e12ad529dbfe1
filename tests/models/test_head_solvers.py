"""Both solvers of KnoBo's objective, its invariants, and the path of lambda."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from models.bottleneck import SOLVERS, fit_knobo, prior_loss
from models.errors import ModelsError
from models.heads import full_batch, mini_batch
from models.heads.full_batch import LONGEST_STEP, Walk, train_full_batch
from models.heads.shared import HeadSettings, Sample, Solver, prior_gradient
from models.what_if.lambda_path import LambdaPath, Objective, lambda_path

ROWS, CONCEPTS, CLASSES = 240, 5, 3
LONG = {
    Solver.FULL_BATCH: HeadSettings(epochs=800, batch=ROWS, learning_rate=0.05),
    Solver.ADAM: HeadSettings(epochs=1500, batch=ROWS, learning_rate=0.01),
}
DESCENTS = {Solver.FULL_BATCH: full_batch.descend, Solver.ADAM: mini_batch.descend}
both_solvers = pytest.mark.parametrize("solver", list(Solver), ids=str)


def draw(seed: int = 0, *, rows: int = ROWS) -> Sample:
    """Classes that overlap, so that cross-entropy has an optimum."""
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(9).normal(size=(CONCEPTS, CLASSES))
    scores = generator.normal(size=(rows, CONCEPTS)).astype(np.float32)
    labels = (scores @ truth + 2 * generator.gumbel(size=(rows, CLASSES))).argmax(axis=1)
    return Sample(scores, labels)


def signs(*, absent: int = 0) -> np.ndarray:
    """Every concept speaks for one class and against another: else its weights would run off together."""
    prior = np.array([[1, -1, 1, 1, -1], [-1, 1, 1, -1, 1], [-1, -1, -1, 1, 1]], dtype=np.float32)
    prior[0, :absent] = [0, 0.5, -0.2, 0][:absent]
    return prior


def last_weights(solver: Solver, *, strength: float, prior: np.ndarray | None) -> np.ndarray:
    """`(h, k, c)` after the last epoch, whatever validation says."""
    settings = replace(LONG[solver], strength=strength)
    *_, (weight, _) = DESCENTS[solver](
        draw(), classes=CLASSES, seeds=(0, 1), settings=settings, prior=prior, bias=False
    )
    return weight.numpy()


def value(weight: np.ndarray, prior: np.ndarray, *, strength: float) -> float:
    """The objective by torch."""
    train = draw()
    logits = torch.from_numpy(train.inputs @ weight.T.astype(np.float32))
    entropy = functional.cross_entropy(logits, torch.from_numpy(train.labels)).item()
    return entropy + strength * prior_loss(weight, prior)


@both_solvers
def test_without_a_prior_both_solvers_come_to_the_optimum_of_scikit_learn(solver: Solver) -> None:
    train = draw()
    reference = LogisticRegression(C=1e8, fit_intercept=False, tol=1e-10, max_iter=10_000)
    reference.fit(train.inputs, train.labels)
    for weight in last_weights(solver, strength=0, prior=None):
        centred = weight - weight.mean(axis=0)  # a column added to all classes changes no probability
        np.testing.assert_allclose(centred, reference.coef_ - reference.coef_.mean(axis=0), atol=2e-3)


def test_with_signs_both_solvers_and_l_bfgs_come_to_one_optimum() -> None:
    prior, strength = signs(), 3.0  # weaker, classes share free weights; stronger, saturation makes it slow
    exact = Objective(draw(), prior.astype(np.float64), strength).optimum(np.zeros(prior.shape))
    for solver in Solver:
        for weight in last_weights(solver, strength=strength, prior=prior):
            np.testing.assert_allclose(np.tanh(weight), np.tanh(exact), atol=3e-3)
            found = value(weight, prior, strength=strength)
            assert found == pytest.approx(value(exact, prior, strength=strength), abs=1e-4)


def test_where_signs_are_absent_or_votes_the_full_batch_settles_on_the_kink() -> None:
    prior = signs(absent=4)
    exact = Objective(draw(), prior.astype(np.float64), 30).optimum(np.zeros(prior.shape))
    weight = last_weights(Solver.FULL_BATCH, strength=30, prior=prior)[0]
    np.testing.assert_allclose(np.tanh(weight[0, :4]), prior[0, :4], atol=2e-3)
    assert value(weight, prior, strength=30) < value(exact, prior, strength=30) + 0.01


@both_solvers
def test_the_prior_is_unchanged_bit_for_bit_by_a_fit(solver: Solver) -> None:
    train, prior = draw(), signs(absent=2)
    before = prior.tobytes()
    settings = HeadSettings(strength=30, epochs=5, learning_rate=0.1, solver=solver)
    (head,) = fit_knobo(train, draw(1), classes="abc", concept_ids="uvwxy", prior=prior, settings=settings)
    assert prior.tobytes() == before
    assert head.prior.tobytes() == before


def test_gradients_of_the_prior_loss_are_those_of_autograd_and_vanish_where_weights_are_saturated() -> None:
    prior = torch.from_numpy(signs(absent=4))[None]
    weight = torch.randn(1, CLASSES, CONCEPTS, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (weight.tanh() - prior).abs().mean().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    torch.testing.assert_close(prior_gradient(weight.detach(), prior), weight.grad)
    saturated = prior_gradient(torch.full_like(prior, -12.0), prior)
    assert float(saturated.abs().max()) < 1e-6


def test_the_gradient_of_the_full_batch_is_that_of_autograd() -> None:
    train, prior = draw(), torch.from_numpy(signs(absent=3)).expand(2, -1, -1)
    inputs, labels = torch.from_numpy(train.inputs), torch.from_numpy(train.labels)
    weight = torch.randn(2, CLASSES, CONCEPTS, requires_grad=True)
    offset = torch.randn(2, CLASSES, requires_grad=True)
    for own in (False, True):
        shown = torch.stack([inputs, inputs.flip(1)]) if own else inputs
        logits = shown @ weight.transpose(1, 2) + offset[:, None, :]
        entropy = functional.cross_entropy(logits.transpose(1, 2), labels.expand(2, -1))
        loss = 2 * entropy + 7 * (weight.tanh() - prior).abs().mean(dim=(1, 2)).sum()
        expected = torch.autograd.grad(loss, [weight, offset])
        slope = full_batch.Slope.of(Sample(shown.numpy(), train.labels), prior, classes=CLASSES, strength=7)
        for found, wanted in zip(slope.at(weight.detach(), offset.detach()), expected, strict=True):
            torch.testing.assert_close(found, wanted)


def test_the_gradient_of_the_objective_is_that_of_finite_differences() -> None:
    objective = Objective(draw(), signs(absent=4).astype(np.float64), 3.0)
    point = np.random.default_rng(2).normal(size=(CLASSES, CONCEPTS))
    slopes = approx_fprime(point.ravel(), lambda flat: objective.at(flat.reshape(point.shape))[0], 1e-7)
    np.testing.assert_allclose(objective.at(point)[1], slopes, atol=1e-5)


def test_a_full_batch_head_does_not_depend_on_the_others_and_repeats() -> None:
    train, validation, settings = draw(), draw(1), HeadSettings(epochs=20, strength=3)

    def weights(*seeds: int) -> np.ndarray:
        heads = train_full_batch(
            train, validation, classes=CLASSES, seeds=seeds, settings=settings, prior=signs()
        )
        return heads.weight

    together = weights(4, 9)
    np.testing.assert_allclose(together[1], weights(9)[0], atol=1e-6)
    np.testing.assert_array_equal(together, weights(4, 9))
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_a_full_batch_walks_as_far_as_the_mini_batches_of_an_epoch_could() -> None:
    walk = Walk.planned(HeadSettings(epochs=200, batch=64, learning_rate=1e-3), rows=130)
    assert walk.at(1) == walk.at(150) == pytest.approx(3e-3)
    assert 0 < walk.at(200) < 1e-4
    assert Walk.planned(HeadSettings(learning_rate=1.0), rows=130).length == LONGEST_STEP


@pytest.fixture(scope="module", params=[0, 4], ids=["signs", "votes"])
def path(request: pytest.FixtureRequest) -> LambdaPath:
    return lambda_path(
        draw(), draw(1), prior=signs(absent=request.param), strengths=(100, 0, 0.1, 1, 3, 10, 0.3, 30)
    )


def test_along_lambda_the_prior_loss_never_rises_and_cross_entropy_never_falls(path: LambdaPath) -> None:
    np.testing.assert_array_equal(path.strength, [0, 0.1, 0.3, 1, 3, 10, 30, 100])
    assert (np.diff(path.prior_loss) <= 1e-4).all()
    assert (np.diff(path.cross_entropy) >= -1e-4).all()
    assert path.prior_loss[0] - path.prior_loss[-1] > 0.3
    assert path.sign_agreement[-1] == 1 > path.sign_agreement[0]


def test_the_path_ends_at_the_unpenalised_optimum(path: LambdaPath) -> None:
    train, validation = draw(), draw(1)
    reference = LogisticRegression(C=1e8, fit_intercept=False, tol=1e-10, max_iter=10_000)
    reference.fit(train.inputs, train.labels)
    centred = path.weight[0] - path.weight[0].mean(axis=0)
    np.testing.assert_allclose(centred, reference.coef_ - reference.coef_.mean(axis=0), atol=5e-3)
    assert path.validation_accuracy[0] == pytest.approx(reference.score(validation.inputs, validation.labels))


def test_lambdas_below_zero_are_refused() -> None:
    with pytest.raises(ModelsError, match="from 0 upwards"):
        lambda_path(draw(), draw(1), prior=signs(), strengths=(1, -1))


def test_a_class_without_training_images_keeps_its_row_and_a_label_without_a_row_is_refused() -> None:
    whole = draw()
    rows = whole.labels < CLASSES - 1
    train = Sample(whole.inputs[rows], whole.labels[rows])
    found = lambda_path(train, draw(1), prior=signs(), strengths=(1, 100))
    assert found.weight.shape == (2, CLASSES, CONCEPTS)
    np.testing.assert_array_equal(np.sign(found.weight[-1, -1]), signs()[-1])
    with pytest.raises(ModelsError, match=r"the prior has shape \(2, 5\) for 3 classes"):
        lambda_path(whole, draw(1), prior=signs()[:2], strengths=(1,))


@both_solvers
def test_heads_have_the_epoch_of_best_validation_accuracy(solver: Solver) -> None:
    train, validation = draw(), draw(1)
    settings = HeadSettings(epochs=30, learning_rate=0.05, strength=1)
    heads = SOLVERS[solver](
        train, validation, classes=CLASSES, seeds=(0, 1), settings=settings, prior=signs()
    )
    walked = DESCENTS[solver](
        train, classes=CLASSES, seeds=(0, 1), settings=settings, prior=signs(), bias=False
    )
    scores = []
    for weight, _ in walked:
        logits = torch.from_numpy(validation.inputs) @ weight.transpose(1, 2)
        right = (logits.argmax(dim=2).numpy() == validation.labels).mean(axis=1)
        scores.append(right)
    best = np.array(scores[1:]).max(axis=0)
    np.testing.assert_allclose(heads.validation_accuracy, best)
    np.testing.assert_allclose(np.array(scores)[heads.epoch, [0, 1]], best)
