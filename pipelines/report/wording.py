"""How numbers, methods and domains are written, the same in the terminal, in Markdown and in HTML."""

import math
from collections.abc import Sequence

ABSENT = "–"
NOT_ESTIMABLE = "n/e"


DOMAINS = {"in_domain": "in domain", "shifted": "shifted", "gap": "gap", "average": "average"}
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "macro_f1": "macro-F1",
    "worst_group_accuracy": "worst-group accuracy",
    "equalised_odds_difference": "equalised-odds difference",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
    "brier_reliability": "Brier, reliability",
    "brier_resolution": "Brier, resolution",
    "brier_uncertainty": "Brier, uncertainty",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}
MAIN_METRICS = ("accuracy", "balanced_accuracy", "auroc")
"""Those with a table of their own; all others share one."""
PARTS = ("train", "validation", "in_domain", "shifted")


def plain(name: str) -> str:
    """`no_finding` as a reader would write it: `no finding`."""
    return name.replace("_", " ")


def number(value: float, *, digits: int = 3) -> str:
    """A fixed number of digits, a true minus sign, no negative zero; `n/e` where it cannot be estimated."""
    if not math.isfinite(value):
        return NOT_ESTIMABLE
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def signed(value: float, *, digits: int = 3) -> str:
    """As `number`, with a plus sign on what is above zero."""
    text = number(value, digits=digits)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def interval(low: float, high: float, *, digits: int = 3) -> str:
    """`0.512 to 0.594`, or the word for one that cannot be estimated."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NOT_ESTIMABLE
    return f"{number(low, digits=digits)} to {number(high, digits=digits)}"


def signed_interval(low: float, high: float, *, digits: int = 3) -> str:
    """As `interval`, for a difference."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NOT_ESTIMABLE
    return f"{signed(low, digits=digits)} to {signed(high, digits=digits)}"


def p_value(p: float) -> str:
    """`p 0.012`, `p < 0.001`."""
    if not math.isfinite(p):
        return f"p {NOT_ESTIMABLE}"
    return "p < 0.001" if p < 0.0005 else f"p {p:.3f}"


def uncapitalised(label: str) -> str:
    """As inside a sentence: `Linear probe` begins small there, `KnoBo` and `PCBM-h` keep their capitals."""
    first = label.split(" ", maxsplit=1)[0]
    return label[:1].lower() + label[1:] if first[1:].islower() else label


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 split`, `1,200 images`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 5 s`, `1 h 2 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
