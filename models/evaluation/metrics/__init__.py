"""Metrics of weighted samples: each takes `(b, n)` weights, so that one call does a whole bootstrap."""

from collections.abc import Mapping
from types import MappingProxyType

from models.evaluation.metrics.arrays import (
    Labels,
    Metric,
    Probabilities,
    Values,
    Weights,
    blocks,
    divide,
    point,
)
from models.evaluation.metrics.bins import BINS, Binned, binned, ece
from models.evaluation.metrics.brier import (
    BrierParts,
    brier,
    brier_parts,
    brier_reliability,
    brier_resolution,
    brier_uncertainty,
)
from models.evaluation.metrics.calibration import calibration_intercept, calibration_slope
from models.evaluation.metrics.choice import GROUP_METRICS
from models.evaluation.metrics.decisions import accuracy, balanced_accuracy, macro_f1
from models.evaluation.metrics.groups import (
    equalised_odds_difference,
    group_accuracy,
    worst_group_accuracy,
)
from models.evaluation.metrics.ranking import auprc, auroc, binary_auprc, binary_auroc
from models.evaluation.metrics.thresholds import (
    net_benefit,
    net_benefits,
    sensitivity,
    specificity,
    treat_all,
)

__all__ = [
    "ALL_METRICS",
    "BINS",
    "GROUP_METRICS",
    "METRICS",
    "TWO_CLASS_METRICS",
    "Binned",
    "BrierParts",
    "Labels",
    "Metric",
    "Probabilities",
    "Values",
    "Weights",
    "accuracy",
    "auprc",
    "auroc",
    "balanced_accuracy",
    "binary_auprc",
    "binary_auroc",
    "binned",
    "blocks",
    "brier",
    "brier_parts",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "calibration_intercept",
    "calibration_slope",
    "divide",
    "ece",
    "equalised_odds_difference",
    "group_accuracy",
    "macro_f1",
    "metrics_of",
    "net_benefit",
    "net_benefits",
    "point",
    "sensitivity",
    "specificity",
    "treat_all",
    "worst_group_accuracy",
]

METRICS: Mapping[str, Metric] = MappingProxyType(
    {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "auroc": auroc}
)

TWO_CLASS_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "calibration_slope": calibration_slope,
        "calibration_intercept": calibration_intercept,
        "net_benefit": net_benefit,
    }
)

ALL_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        **METRICS,
        "auprc": auprc,
        "macro_f1": macro_f1,
        "ece": ece,
        "brier": brier,
        "brier_reliability": brier_reliability,
        "brier_resolution": brier_resolution,
        "brier_uncertainty": brier_uncertainty,
        **TWO_CLASS_METRICS,
    }
)


def metrics_of(classes: int) -> Mapping[str, Metric]:
    """Those that exist for so many classes."""
    if classes == 2:
        return ALL_METRICS
    return MappingProxyType(
        {name: ALL_METRICS[name] for name in ALL_METRICS if name not in TWO_CLASS_METRICS}
    )
