"""Prints how fast 150 grounders are fitted, against a loop of scikit-learn's fits, and how exact they are.

python tests/benchmarks/grounding.py
"""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from figures import Figure, report
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.features.table import FeatureTable
from models.grounding import GroundingSettings, assign_folds, fit_grounders
from models.grounding.answers import tabulate
from models.grounding.layer import BLOCK
from models.logistic import Design, fit_logistic
from models.scaling import Scaling, ScalingKind

COLUMNS, CONCEPTS, ROUNDS = 768, 150, 6
PAPER = GroundingSettings(C=1.0, scaling=ScalingKind.UNIT, replicates=1)
OURS = GroundingSettings(C=0.001, scaling=ScalingKind.STANDARD, replicates=1)

# Singular values of 3,811 real chest X-rays in the default encoder's features of length 1, as shares of the
# largest, by rank; their mean has length .83.
RANKS = (1, 2, 3, 6, 11, 21, 51, 101, 201, 401, 768)
SHARES = (1, 0.648, 0.581, 0.464, 0.317, 0.230, 0.149, 0.106, 0.0735, 0.0456, 0.0223)
MEAN = 0.827

Coefficients = NDArray[np.float64]  # (c, d + 1), the bias last


@dataclass(frozen=True)
class Case:
    """Features `(n, 768) float32` of length 1, and answers `(n, 150)`, nan where unknown."""

    features: FeatureTable
    answers: NDArray[np.float32]

    @property
    def concept_ids(self) -> list[str]:
        """Names for them."""
        return [f"c{number}" for number in range(self.answers.shape[1])]


def make_case(rows: int, *, fewest: int, most: int) -> Case:
    """Each concept is known in other rows, `fewest` to `most` of them, and in 5 to 50 % of these a yes."""
    generator = np.random.default_rng(0)
    values = make_features(rows, generator)
    directions = generator.normal(size=(COLUMNS, CONCEPTS))
    logits = (values - values.mean(axis=0)) @ directions
    noisy = logits / logits.std(axis=0) + generator.normal(size=logits.shape)
    shares = np.linspace(0.5, 0.95, CONCEPTS)
    answers = np.full(noisy.shape, np.nan, dtype=np.float32)
    for concept, share in enumerate(shares):
        known = generator.choice(rows, generator.integers(fewest, most + 1), replace=False)
        answers[known, concept] = noisy[known, concept] > np.quantile(noisy[known, concept], share)
    names = tuple(map(str, range(max(rows, COLUMNS))))
    return Case(FeatureTable(names[:rows], names[:COLUMNS], values.astype(np.float32)), answers)


def make_features(rows: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Rows of length 1 with the spectrum of real ones, in random directions."""
    spectrum = np.exp(np.interp(np.log(np.arange(1, COLUMNS + 1)), np.log(RANKS), np.log(SHARES)))
    spectrum *= np.sqrt((1 - MEAN**2) / np.sum(spectrum**2))
    axes, _ = np.linalg.qr(generator.normal(size=(COLUMNS, COLUMNS)))
    mean = generator.normal(size=COLUMNS)
    values = generator.normal(size=(rows, COLUMNS)) * spectrum @ axes + MEAN * mean / np.linalg.norm(mean)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


def fit_ours(case: Case, settings: GroundingSettings) -> Coefficients:
    """All concepts, without cross-validation: what `fit_grounders` does before it."""
    answers, _ = tabulate(case.answers, None, concept_ids=case.concept_ids, settings=settings)
    scaling = Scaling.fit(settings.scaling, case.features.values)
    design = Design.of(case.features.values, scale=scaling.apply)
    blocks = [slice(start, start + BLOCK) for start in range(0, CONCEPTS, BLOCK)]
    return np.concatenate([fit_logistic(design, *answers.part(rows).problems(settings)) for rows in blocks])


def fit_theirs(
    case: Case, values: NDArray[np.floating], *, strength: float = 1.0, **options: object
) -> Coefficients:
    """The loop, on `values (n, d)` which are the features as they are, or scaled."""
    rows = []
    for column in case.answers.T:
        known = ~np.isnan(column)
        model = LogisticRegression(C=strength, class_weight="balanced", **{"max_iter": 1000, **options})
        model.fit(values[known], column[known])
        rows.append(np.append(model.coef_[0], model.intercept_[0]))
    return np.array(rows)


def cross_validated_ours(case: Case) -> object:
    """All of `fit_grounders`."""
    return fit_grounders(case.features, case.answers, concept_ids=case.concept_ids, settings=PAPER)


def cross_validated_theirs(case: Case) -> None:
    """The loop with a fit on all rows and one for each fold, on the same folds, whose scores are taken."""
    values = case.features.values
    folds = assign_folds(case.features.ids, count=PAPER.folds, seed=PAPER.seed)
    fit_theirs(case, values)
    for column in case.answers.T:
        for fold in range(PAPER.folds):
            known = ~np.isnan(column) & (folds != fold)
            model = LogisticRegression(C=1, class_weight="balanced", max_iter=1000)
            model.fit(values[known], column[known]).decision_function(values[folds == fold])


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def threads_for_theirs(case: Case) -> int:
    """One or all, whichever fits ten concepts sooner: on these sizes a second thread may only wait."""
    few = Case(case.features, case.answers[:, :: CONCEPTS // 10])
    times = {}
    for threads in (1, os.cpu_count() or 1):
        with threadpool_limits(threads):
            fit_theirs(few, few.features.values)  # warm
            times[threads] = seconds(lambda: fit_theirs(few, few.features.values))
    return min(times, key=times.__getitem__)


def compared(
    case: Case, ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int = ROUNDS
) -> tuple[float, float]:
    """Best wall time of each, in turns."""
    ours()  # warm
    threads = threads_for_theirs(case)
    own, other = [], []
    for _ in range(rounds):
        own.append(seconds(ours))
        with threadpool_limits(threads):
            other.append(seconds(theirs))
    return min(own), min(other)


def ratio(case: Case, what: str) -> Figure:
    """Of fits without cross-validation."""
    values = case.features.values
    own, other = compared(case, lambda: fit_ours(case, PAPER), lambda: fit_theirs(case, values))
    how = f"{own:.3f} s against {other:.2f} s of a loop of LogisticRegression(C=1, class_weight='balanced')"
    return Figure(other / own, "ratio", f"{how}, {what}, best times")


def error(case: Case, settings: GroundingSettings) -> Figure:
    """Largest distance from scikit-learn's optimum, in double precision and to the last digits."""
    scaled = Scaling.fit(settings.scaling, case.features.values).apply(case.features.values)
    with threadpool_limits(1):
        optimum = fit_theirs(case, scaled, strength=settings.C, tol=1e-9, max_iter=10_000)
        default = np.abs(fit_theirs(case, scaled, strength=settings.C) - optimum).max()
    distance = np.abs(fit_ours(case, settings) - optimum).max()
    how = (
        f"C = {settings.C}, {settings.scaling} features; scikit-learn's default tolerance gives {default:.1e}"
    )
    return Figure(float(distance), "largest absolute difference", how)


def measure() -> dict[str, Figure]:
    """Speed as a ratio in the same run, and exactness."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    table, pool = (
        make_case(2000, fewest=1000, most=2000),
        make_case(10_000, fewest=2000, most=2000),
    )
    own, other = compared(
        table, lambda: cross_validated_ours(table), lambda: cross_validated_theirs(table), rounds=1
    )
    how = f"{own:.2f} s against {other:.1f} s, five folds and all rows, ours with held-out quality"
    return {
        "grounding.ratio_sklearn": ratio(
            table, "150 concepts on 2,000 x 768, each known in its own half to all of the rows"
        ),
        "grounding.ratio_sklearn_pool": ratio(
            pool, "150 concepts, each on its own 2,000 of 10,000 rows x 768"
        ),
        "grounding.ratio_sklearn_cross_validated": Figure(other / own, "ratio", how),
        "grounding.coefficient_error": error(table, PAPER),
        "grounding.coefficient_error_default": error(table, OURS),
    }


if __name__ == "__main__":
    report(measure())
