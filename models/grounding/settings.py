"""How grounders are fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from models.scaling import ScalingKind


class Calibration(StrEnum):
    """`PLATT` refits each logit on held-out scores, since a balanced fit sees rare signs too often."""

    NONE = "none"
    PLATT = "platt"


@dataclass(frozen=True, slots=True)
class GroundingSettings:
    """How grounders are fitted.

    Attributes:
        C: Inverse strength of the penalty, as in scikit-learn.
        balanced: Weigh yes and no so that each counts half.
        scaling: Of the features.
        calibration: Of the probabilities; the paper has none.
        soft: Learn the probability of yes instead of the answer that is the more probable.
        equal_size: Learn each concept from as many yes as no, drawn by chance, at most so many of each (1000
            in the paper's code, which balances what is left); None for all.
        folds: Of the cross-validation; images of one group stay in one fold.
        minimum: A concept with fewer yes or fewer no is not grounded (10 in the paper's code); two that
            fewer images tell apart are named as inseparable.
        replicates: Of the bootstrap behind the intervals.
        seed: Of folds, draws and bootstrap.
    """

    C: float = 1.0
    balanced: bool = True
    scaling: ScalingKind = ScalingKind.STANDARD
    calibration: Calibration = Calibration.NONE
    soft: bool = False
    equal_size: int | None = None
    folds: int = 5
    minimum: int = 10
    replicates: int = 1000
    seed: int = 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` gave, read back from JSON."""
        scaling, calibration = ScalingKind(values["scaling"]), Calibration(values["calibration"])
        return cls(**{**values, "scaling": scaling, "calibration": calibration})
