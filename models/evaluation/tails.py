"""How few patients a number may rest on: how uneven what each of them adds to it is.

A Brier score near 0 or an AUROC near 1 is made by a few patients whose answers are wrong. Its standard error
is then known as badly as if there were few patients altogether, however many there are.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

LEAST_FREEDOM = 8.0  # the unevenness of few patients is itself a poor estimate
LEAST_KURTOSIS = 1.5


def freedom(added: NDArray[np.float64], number: NDArray[np.intp]) -> float:
    """Degrees of freedom of a variance over patients, after Satterthwaite: 2u / (kurtosis - 1).

    Args:
        added: `(n,)` what each image adds to the number, to first order.
        number: `(n,)` patient of each image.
    """
    own = np.bincount(number, weights=added)[np.unique(number)]
    own = own - own.mean()
    spread = float(np.mean(own**2))
    if spread == 0:
        return np.inf
    kurtosis = float(np.mean(own**4)) / spread**2
    return max(2 * len(own) / (max(kurtosis, LEAST_KURTOSIS) - 1), LEAST_FREEDOM)


def added_to_brier(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each image adds, `(n,)`: its squared distance, less the mean; `probabilities (s, n, k)`."""
    right = np.arange(probabilities.shape[2]) == labels[:, None]
    distance = np.sum((probabilities - right) ** 2, axis=2).mean(axis=0)
    return np.asarray(distance - distance.mean())


def added_to_auroc(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each image adds, `(n,)`: its placement among the other class (DeLong et al., Biometrics 1988).

    Of more than two classes the mean of each against the rest; `probabilities (s, n, k)`.
    """
    classes = (1,) if probabilities.shape[2] == 2 else range(probabilities.shape[2])
    added = [placed(labels == each, one[:, each]) for one in probabilities for each in classes]
    return np.asarray(np.mean(added, axis=0))


def placed(own: NDArray[np.bool_], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the other class that each image is on the right side of, less the mean, over its own class."""
    found = np.zeros(len(own))
    if not 0 < own.sum() < len(own):
        return found
    ranks = rankdata(score)
    for each, sign in ((own, 1), (~own, -1)):
        below = (ranks[each] - rankdata(score[each])) / (~each).sum()
        found[each] = sign * (below - below.mean()) / each.sum()
    return found
