"""The head of a post-hoc concept bottleneck: logistic regression with an elastic net, by SGD."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.linear_model import SGDClassifier

from models.baselines.parts.once import once
from models.heads.shared import Sample


@dataclass(frozen=True, slots=True)
class SparseSettings:
    """How the head is trained; defaults of the original.

    Attributes:
        penalties: Of these strengths the one with the best validation accuracy is kept; 1e-5 in the original.
        l1_share: Of the penalty that is absolute; the rest is squared.
        epochs: At most.
    """

    penalties: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    l1_share: float = 0.99
    epochs: int = 10_000


@dataclass(frozen=True, slots=True)
class SparseHeads:
    """One linear layer a seed.

    Attributes:
        weight: `(s, k, c) float64`.
        bias: `(s, k) float64`.
        penalty: `(s,)` what was chosen.
        validation_accuracy: `(s,)` with it.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    penalty: NDArray[np.float64]
    validation_accuracy: NDArray[np.float64]

    def logits(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """From `scores (n, c)` to `(s, n, k)`."""
        return np.asarray(scores @ self.weight.transpose(0, 2, 1) + self.bias[:, None, :])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A head that may be chosen: the best accuracy, by lowest cross-entropy where accuracies tie."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    penalty: float
    accuracy: float
    cross_entropy: float


@once(capacity=64)
def train_sparse_heads(
    train: Sample, validation: Sample, *, classes: int, seeds: tuple[int, ...], settings: SparseSettings
) -> SparseHeads:
    """One head a seed, which draws the order of the images; classes one against the rest, as in the original.

    PCBM-h begins with the heads of PCBM and finds them here.

    Args:
        train: Scores `(n, c)` with labels.
        validation: Selects the penalty.
        classes: `k`.
        seeds: `(s,)`.
        settings: Of the training.
    """
    best = [
        max(
            (
                fit_candidate(train, validation, classes=classes, seed=seed, penalty=each, settings=settings)
                for each in settings.penalties
            ),
            key=lambda candidate: (candidate.accuracy, -candidate.cross_entropy),
        )
        for seed in seeds
    ]
    return SparseHeads(
        weight=np.stack([each.weight for each in best]),
        bias=np.stack([each.bias for each in best]),
        penalty=np.array([each.penalty for each in best]),
        validation_accuracy=np.array([each.accuracy for each in best]),
    )


def fit_candidate(
    train: Sample,
    validation: Sample,
    *,
    classes: int,
    seed: int,
    penalty: float,
    settings: SparseSettings,
) -> Candidate:
    """One fit, and how it does on the validation images."""
    sgd = SGDClassifier(
        loss="log_loss",
        penalty="elasticnet",
        alpha=penalty,
        l1_ratio=settings.l1_share,
        max_iter=settings.epochs,
        random_state=seed,
    ).fit(train.inputs, train.labels)
    weight, bias = spread(sgd.coef_, sgd.intercept_, present=sgd.classes_, classes=classes)
    logs = log_softmax(validation.inputs @ weight.T + bias, axis=1)
    right = logs.argmax(axis=1) == validation.labels
    lost = -logs[np.arange(len(logs)), validation.labels]
    return Candidate(weight, bias, penalty, float(right.mean()), float(lost.mean()))


def spread(
    coefficients: NDArray[np.float64],
    intercept: NDArray[np.float64],
    *,
    present: NDArray[np.int64],
    classes: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A row a class, `(k, c)` and `(k,)`; of two classes each takes half of the one logit, with its sign.

    A class without a training image gets no logit that could win.
    """
    if len(present) == 2:
        coefficients, intercept = (np.stack([-side, side]) / 2 for side in (coefficients[0], intercept[0]))
    weight = np.zeros((classes, coefficients.shape[1]))
    bias = np.full(classes, -1e9)
    weight[present], bias[present] = coefficients, intercept
    return weight, bias
