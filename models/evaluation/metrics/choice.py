"""Which metrics are asked for, and what each of those that are made of sums adds up."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from models.errors import ModelsError
from models.evaluation.metrics.arrays import Labels, Probabilities
from models.evaluation.metrics.brier import brier_sums
from models.evaluation.metrics.decisions import accuracy_sums, balanced_accuracy_sums, macro_f1_sums
from models.evaluation.metrics.groups import Groups, equalised_odds_sums, worst_group_sums
from models.evaluation.metrics.sums import Sums
from models.evaluation.metrics.thresholds import net_benefit_sums, sensitivity_sums, specificity_sums

BY_SUMS = {
    "accuracy": accuracy_sums,
    "balanced_accuracy": balanced_accuracy_sums,
    "macro_f1": macro_f1_sums,
    "brier": brier_sums,
}
AT_THRESHOLD = {
    "sensitivity": sensitivity_sums,
    "specificity": specificity_sums,
    "net_benefit": net_benefit_sums,
}
BY_GROUP = {"worst_group_accuracy": worst_group_sums, "equalised_odds_difference": equalised_odds_sums}
IN_BINS = ("ece", "brier_reliability", "brier_resolution", "brier_uncertainty")
BY_REGRESSION = ("calibration_slope", "calibration_intercept")
BY_CLASS = ("auroc", "auprc", *IN_BINS[1:], *BY_REGRESSION)

EVERY_CLASS_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "auroc",
    "auprc",
    "macro_f1",
    "brier",
    *IN_BINS,
)
GROUP_METRICS = tuple(BY_GROUP)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What is asked for.

    Attributes:
        metrics: Their names.
        groups: `(n,)` of the images, where a metric of groups is among them.
    """

    metrics: tuple[str, ...]
    groups: Groups | None

    @classmethod
    def of(cls, classes: int, metrics: Collection[str] | None, *, groups: Groups | None) -> "Choice":
        """All that exist for so many classes if no names are given.

        Raises:
            ModelsError: A name that does not exist.
        """
        existing = [*EVERY_CLASS_METRICS]
        existing += [*AT_THRESHOLD, *BY_REGRESSION] if classes == 2 else []
        existing += GROUP_METRICS if groups is not None else ()
        for name in metrics or ():
            if name not in existing:
                raise ModelsError(
                    f"there is no metric {name!r} of {classes} classes"
                    f"{' without groups' if name in GROUP_METRICS else ''}; choose from {', '.join(existing)}"
                )
        return cls(tuple(existing if metrics is None else metrics), groups)

    def any_of(self, names: Collection[str]) -> bool:
        """Whether one of them is asked for."""
        return any(name in names for name in self.metrics)

    def sums(
        self, labels: Labels, probabilities: Probabilities, *, threshold: float
    ) -> Iterator[tuple[str, Sums]]:
        """Of one method; the Brier score also where only a part of it is asked for."""
        for name in self.metrics:
            if name in BY_SUMS and name != "brier":
                yield name, BY_SUMS[name](labels, probabilities)
            elif name in AT_THRESHOLD:
                yield name, AT_THRESHOLD[name](labels, probabilities, threshold)
            elif name in BY_GROUP:
                assert self.groups is not None, "checked when it was made"
                yield name, BY_GROUP[name](labels, probabilities, self.groups)
        if self.any_of(("brier", "brier_resolution")):
            yield "brier", brier_sums(labels, probabilities)
