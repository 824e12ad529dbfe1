"""Which way a number of the audit gets better."""

from models.evaluation.report import AuditRow

GAP = "gap"
MORE = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "auroc",
        "auprc",
        "macro_f1",
        "sensitivity",
        "specificity",
        "net_benefit",
        "brier_resolution",
        "worst_group_accuracy",
    }
)
LESS = frozenset({"brier", "brier_reliability", "ece", "equalised_odds_difference"})
BEST = {"calibration_slope": 1.0, "calibration_intercept": 0.0}


def has_direction(metric: str, domain: str) -> bool:
    """Whether a change of the number can be called better or worse."""
    return metric in MORE | LESS or (metric in BEST and domain != GAP)


def is_worse(earlier: AuditRow, later: AuditRow) -> bool:
    """Whether the later value is the worse one; the number has a direction.

    A gap is in domain less shifted: of accuracy, where more is better, a larger gap is worse; of the Brier
    score, where less is better, a smaller one.
    """
    if earlier.metric in BEST:
        best = BEST[earlier.metric]
        return abs(later.value - best) > abs(earlier.value - best)
    more_is_better = (earlier.metric in MORE) != (earlier.domain == GAP)
    return (later.value < earlier.value) == more_is_better
