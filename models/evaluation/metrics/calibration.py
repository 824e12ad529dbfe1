"""Calibration slope and intercept: what logistic regression on a model's own logits would change."""

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights
from models.evaluation.metrics.ranks import Ranked, walks
from models.evaluation.metrics.recalibration import Recalibration, joined


def calibration_slope(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Slope of the label on the logit of class 1, `(b,)`; 1 is right, below 1 is too sure (Cox, 1958).

    Nan where no slope is the most likely one: a class is missing, or a logit separates the two.
    """
    return line_of(labels, probabilities, weights)[0]


def calibration_intercept(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Calibration in the large: what to add to the logit of class 1, `(b,)`; 0 is right.

    Fitted with a slope of 1. Nan where a class is missing.
    """
    return line_of(labels, probabilities, weights)[1]


def line_of(labels: Labels, probabilities: Probabilities, weights: Weights) -> tuple[Values, Values]:
    """Slopes, and intercepts beside a slope of 1, `(b,)` each."""
    ranked = Ranked.of(labels == 1, probabilities[:, 1])
    own = Recalibration.of(ranked)
    parts = [own.problems(walk) for _, walk in walks(ranked, weights)]
    problems = joined(parts or [own.problems(ranked.walk(weights))])
    return own.slopes(problems, ranked, weights), own.intercepts(problems)
