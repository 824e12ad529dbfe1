"""Prints the figures of finished runs beside their bars; exit code 1 if one is missed.

python tests/benchmarks/bars.py [RUNS]
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

from models.evaluation.audit import AuditReport


@dataclass(frozen=True)
class Figure:
    """One bar: `value` must be at least `low` and at most `high`; nan, not in this run, misses it."""

    run: str
    what: str
    value: float
    low: float
    high: float

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.low <= self.value <= self.high

    @property
    def line(self) -> str:
        """The value beside its bar."""
        value = "not in this run" if math.isnan(self.value) else f"{self.value:.3f}"
        verdict = "met" if self.met else "MISSED"
        return f"{self.run}: {self.what} {value} (bar {self.low} to {self.high}) {verdict}"


def accuracy(report: AuditReport, method: str, domain: str) -> float:
    """Mean over the splits that enter it; nan where the audit has none."""
    wanted = (method, "mean", domain, "accuracy")
    rows = (row for row in report.rows if (row.method, row.split, row.domain, row.metric) == wanted)
    return next((row.value for row in rows), math.nan)


def difference(report: AuditReport, domain: str, *, other: str = "linear_probe") -> float:
    """KnoBo less another method; nan where one of the two was not run."""
    return accuracy(report, "knobo", domain) - accuracy(report, other, domain)


def figures(run: str, report: AuditReport) -> list[Figure]:
    """The bars of a run by its name; none for a run that has no bar."""
    if run.startswith("demo-"):
        return [
            Figure(run, "linear probe in domain", accuracy(report, "linear_probe", "in_domain"), 0.90, 1.0),
            Figure(run, "linear probe shifted", accuracy(report, "linear_probe", "shifted"), 0.0, 0.50),
            Figure(run, "knobo less linear probe, shifted", difference(report, "shifted"), 0.25, 1.0),
        ]
    least = {"real-xray": 0.33, "real-skin": 0.05}
    further = xray_figures(run, report) if run == "real-xray" else []
    if run not in least:
        return []
    return [
        Figure(run, "knobo less linear probe, shifted", difference(report, "shifted"), least[run], 1.0),
        Figure(run, "knobo less linear probe, average", difference(report, "average"), 0.0, 1.0),
        *further,
    ]


def xray_figures(run: str, report: AuditReport) -> list[Figure]:
    """KnoBo against every method that it must beat under shift, and what erasing must reach."""
    rivals = ("pcbm_h", "pcbm_h_joint", "no_prior", "random_prior", "random_concepts")
    least = dict.fromkeys(rivals, 0.0) | {"fine_tune": 0.324}
    against = [
        Figure(run, f"knobo less {other}, shifted", difference(report, "shifted", other=other), low, 1.0)
        for other, low in least.items()
    ]
    erased = [
        Figure(run, f"knobo_erased, {domain}", accuracy(report, "knobo_erased", domain), low, 1.0)
        for domain, low in (("average", 0.66), ("shifted", 0.64))
    ]
    return against + erased


def main() -> None:
    """A line a figure."""
    runs = Path(sys.argv[1] if len(sys.argv) > 1 else "runs")
    found = [
        figure
        for path in sorted(runs.glob("*/audit.json"))
        for figure in figures(path.parent.name, AuditReport.load(path))
    ]
    for figure in found:
        print(figure.line)
    sys.exit(0 if found and all(figure.met for figure in found) else 1)


if __name__ == "__main__":
    main()
