"""Drawing of the path of lambda: accuracies on the left, what the weights owe to the prior on the right."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

from models.evaluation.curves import MEAN
from models.files import write_text
from pipelines.errors import PipelineError
from pipelines.report.choice_view import Point, upwards
from pipelines.report.html import environment
from pipelines.report.tracks import Scale, Tick
from pipelines.report.wording import number
from pipelines.what_if.lambda_path import PathPoint

ACCURACIES = {"in_domain": "in domain", "shifted": "shifted", "validation": "validation"}
FITS = {
    "sign_agreement": "signs agree",
    "prior_loss": "prior loss",
    "cross_entropy": "cross-entropy",
}
NOTE = (
    "Optima of the loss, each from the next stronger lambda: not the audited heads, which stop earlier.",
    "Lambda was not chosen by this.",
)


@dataclass(frozen=True, slots=True)
class PathLine:
    """One quantity; segments join neighbouring lambdas."""

    name: str
    label: str
    points: tuple[Point, ...]
    segments: tuple[tuple[Point, Point], ...]


@dataclass(frozen=True, slots=True)
class PathPanel:
    """Quantities on one scale.

    Attributes:
        title: Of the panel.
        lines: One a quantity.
        across, up: Ticks; `x` of those that go up is a height.
        own: Where the run's lambda is.
    """

    title: str
    lines: tuple[PathLine, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    own: str | None


def write_drawing(file: Path, points: Sequence[PathPoint], *, own: float) -> None:
    """One scope as SVG; `own` is the run's lambda.

    Raises:
        PipelineError: The file has another ending, or cannot be written.
    """
    if file.suffix.lower() != ".svg":
        raise PipelineError(f"{file} does not end in .svg; give the drawing such a name")
    try:
        write_text(file, drawing(points, own=own))
    except OSError as error:
        raise PipelineError(f"{file} cannot be written ({error.strerror}); give another place") from error


def drawing(points: Sequence[PathPoint], *, own: float) -> str:
    """The text of the file; the same points give the same bytes."""
    scope = "mean over the splits" if points[0].split == MEAN else points[0].split
    panels = (
        path_panel("Accuracy", points, ACCURACIES, own=own),
        path_panel("Data and prior", points, FITS, own=own),
    )
    words = "; ".join(
        f"{line.label}: {', '.join(point.words for point in line.points)}"
        for panel in panels
        for line in panel.lines
    )
    template = environment().get_template("path.svg.jinja")
    return template.render(panels=panels, scope=scope, own=f"{own:g}", note=NOTE, words=words)


def path_panel(title: str, points: Sequence[PathPoint], names: dict[str, str], *, own: float) -> PathPanel:
    """Lambdas at equal distances, for they begin at 0 and end far from it."""
    values = [value for name in names for each in points if (value := getattr(each, name)) is not None]
    step = 0.2 if max(values) <= 1 else 0.5 * ceil(max(values) / 3)  # between the lines of the grid
    height = Scale(0.0, max(ceil(round(max(values) / step, 9)) * step, 1.0))
    width = Scale(0.0, max(len(points) - 1, 1))
    lines = []
    for name, label in names.items():
        placed = tuple(
            Point(width.percent(place), upwards(height, value), f"lambda {each.strength:g} {number(value)}")
            for place, each in enumerate(points)
            if (value := getattr(each, name)) is not None
        )
        if placed:
            lines.append(PathLine(name, label, placed, tuple(pairwise(placed))))
    return PathPanel(
        title,
        tuple(lines),
        tuple(Tick(width.percent(place), f"{each.strength:g}") for place, each in enumerate(points)),
        tuple(
            Tick(upwards(height, line * step), f"{line * step:.1f}")
            for line in range(round(height.high / step) + 1)
        ),
        next((width.percent(place) for place, each in enumerate(points) if each.strength == own), None),
    )
