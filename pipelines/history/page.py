"""The history as a page with a picture of each run; it loads nothing and runs nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.evaluation.report import AuditRow
from pipelines.history.axis import Axis
from pipelines.history.trend import COLUMNS, Point, Trend

WIDTH, HEIGHT = 640, 220  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 34
APART = 5  # in domain and shifted stand side by side


@dataclass(frozen=True, slots=True)
class Mark:
    """A value with its interval on the drawing."""

    x: float
    y: float
    low: float
    high: float
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """One run.

    Attributes:
        run, scope: As in the table.
        in_domain, shifted: Marks from left to right.
        steps: Heights of the grid and what stands beside them.
        dates: Place and text below the drawing: the first and the last audit.
        rows: Cells of the table.
    """

    run: str
    scope: str
    in_domain: tuple[Mark, ...]
    shifted: tuple[Mark, ...]
    steps: tuple[tuple[float, str], ...]
    dates: tuple[tuple[float, str, str], ...]
    rows: tuple[tuple[str, ...], ...]


@cache
def environment() -> Environment:
    """Templates with every value escaped: names of runs are other people's text."""
    return Environment(
        loader=PackageLoader("pipelines.history", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(trends: Sequence[Trend]) -> str:
    """The whole page; equal trends give equal bytes."""
    return (
        environment()
        .get_template("history.html.jinja")
        .render(
            drawings=[draw(trend) for trend in trends],
            columns=COLUMNS,
            size=(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT),
        )
    )


def draw(trend: Trend) -> Drawing:
    """Places of everything."""
    places = [place_of(number, len(trend.points)) for number in range(len(trend.points))]
    days = [(places[0], "start", trend.points[0].finished[:10])]
    if len(places) > 1:
        days.append((places[-1], "end", trend.points[-1].finished[:10]))
    axis = axis_of(trend.points)
    return Drawing(
        trend.run,
        trend.scope,
        tuple(marks(trend.points, places, "in_domain", axis=axis, shift=-APART)),
        tuple(marks(trend.points, places, "shifted", axis=axis, shift=APART)),
        tuple((height_of(value, axis), f"{value:g}") for value in axis.lines()),
        tuple(days),
        tuple(trend.table()),
    )


def axis_of(points: Sequence[Point]) -> Axis:
    """The axis on which all values and intervals of a run lie."""
    rows = [row for point in points for row in (point.in_domain, point.shifted) if row is not None]
    return Axis.of(value for row in rows for value in (row.value, row.low, row.high))


def marks(
    points: Sequence[Point], places: Sequence[float], domain: str, *, axis: Axis, shift: float
) -> Iterator[Mark]:
    """Those of one domain."""
    for point, place in zip(points, places, strict=True):
        row: AuditRow | None = getattr(point, domain)
        if row is not None:
            title = f"{point.finished}: {row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
            y, low, high = (height_of(value, axis) for value in (row.value, row.low, row.high))
            yield Mark(round(place + shift, 1), y, low, high, title)


def place_of(number: int, total: int) -> float:
    """From left to right in equal steps: audits are not evenly spread in time, and each must be seen."""
    room = WIDTH - LEFT - RIGHT - 4 * APART
    return round(LEFT + 2 * APART + room * (number / (total - 1) if total > 1 else 0), 1)


def height_of(value: float, axis: Axis) -> float:
    """From the top of the drawing."""
    return round(TOP + (HEIGHT - TOP - BOTTOM) * axis.share(value), 1)
