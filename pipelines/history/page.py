"""The history as a page with a picture of each run; it loads nothing and runs nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.evaluation.report import AuditRow
from pipelines.history.trend import COLUMNS, Point, Trend

WIDTH, HEIGHT = 640, 220  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 34
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
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
        dates: Place and text below the drawing: the first and the last audit.
        rows: Cells of the table.
    """

    run: str
    scope: str
    in_domain: tuple[Mark, ...]
    shifted: tuple[Mark, ...]
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
            steps=[(height_of(value), f"{value:g}") for value in STEPS],
            size=(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT),
        )
    )


def draw(trend: Trend) -> Drawing:
    """Places of everything."""
    places = [place_of(number, len(trend.points)) for number in range(len(trend.points))]
    days = [(places[0], "start", trend.points[0].finished[:10])]
    if len(places) > 1:
        days.append((places[-1], "end", trend.points[-1].finished[:10]))
    return Drawing(
        trend.run,
        trend.scope,
        tuple(marks(trend.points, places, "in_domain", shift=-APART)),
        tuple(marks(trend.points, places, "shifted", shift=APART)),
        tuple(days),
        tuple(trend.table()),
    )


def marks(points: Sequence[Point], places: Sequence[float], domain: str, *, shift: float) -> Iterator[Mark]:
    """Those of one domain; metrics lie between 0 and 1."""
    for point, place in zip(points, places, strict=True):
        row: AuditRow | None = getattr(point, domain)
        if row is not None:
            title = f"{point.finished}: {row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
            y, low, high = (height_of(value) for value in (row.value, row.low, row.high))
            yield Mark(round(place + shift, 1), y, low, high, title)


def place_of(number: int, total: int) -> float:
    """From left to right in equal steps: audits are not evenly spread in time, and each must be seen."""
    room = WIDTH - LEFT - RIGHT - 4 * APART
    return round(LEFT + 2 * APART + room * (number / (total - 1) if total > 1 else 0), 1)


def height_of(value: float) -> float:
    """From the top of the drawing."""
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(value, 0.0), 1.0)), 1)
