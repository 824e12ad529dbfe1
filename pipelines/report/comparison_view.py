"""KnoBo minus the linear probe, split by split: the drawing that shows gain and cost on one scale."""

from dataclasses import dataclass

from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.method_table import Cell, difference_cell
from pipelines.report.tracks import Tick, Track, difference_dot, difference_scale


@dataclass(frozen=True, slots=True)
class Difference:
    """One split."""

    split: str
    is_mean: bool
    track: Track
    in_domain: Cell
    shifted: Cell


@dataclass(frozen=True, slots=True)
class Comparison:
    """All splits on one scale; `zero` is where the two methods are equal."""

    rows: tuple[Difference, ...]
    ticks: tuple[Tick, ...]
    zero: str


def comparison(index: AuditIndex, *, reference: str = "linear_probe") -> Comparison | None:
    """None where the two were not compared."""
    names = (*index.splits, MEAN)
    pairs = {
        name: tuple(
            index.test("knobo", reference, name, domain, index.metric) for domain in ("in_domain", "shifted")
        )
        for name in names
    }
    tests = [test for pair in pairs.values() for test in pair if test]
    if not tests:
        return None
    scale = difference_scale(tests)
    rows = tuple(
        Difference(
            name,
            name == MEAN,
            Track(*(difference_dot(scale, test) for test in pair)),
            *(difference_cell(test) for test in pair),
        )
        for name, pair in pairs.items()
        if any(pair)
    )
    ticks = scale.ticks((scale.low, scale.low / 2, 0, scale.high / 2, scale.high), form="{:+g}")
    return Comparison(rows, ticks, scale.percent(0))
