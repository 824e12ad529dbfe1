"""Lines with bands in a square drawing whose size is only known to the reader's browser."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from pipelines.report.tracks import Scale, Tick

SIDE = 100.0
"""Of the view box, in which every position is given."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the view box."""

    x: str
    y: str


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One line.

    Attributes:
        style: Class of the style sheet.
        label: In the legend.
        path: Attribute `d` of the line.
        band: Attribute `d` of the interval around it; empty without one.
        spots: Marks on the line.
    """

    style: str
    label: str
    path: str
    band: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines on common scales; `x` of the ticks `up` is a height."""

    lines: tuple[PlotLine, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def plot_line(
    style: str,
    label: str,
    across: Sequence[float],
    up: Sequence[float],
    *,
    width: Scale,
    height: Scale,
    band: tuple[Sequence[float], Sequence[float]] | None = None,
    marked: bool = False,
) -> PlotLine:
    """Points that are not numbers are left out."""
    kept = [place for place, value in enumerate(up) if isfinite(value) and isfinite(across[place])]
    spots = [spot(across[place], up[place], width, height) for place in kept]
    area = ""
    if band is not None:
        low, high = band
        sure = [place for place in kept if isfinite(low[place]) and isfinite(high[place])]
        lower = [spot(across[place], low[place], width, height) for place in sure]
        upper = [spot(across[place], high[place], width, height) for place in reversed(sure)]
        area = f"{joined(lower + upper)}Z" if sure else ""
    return PlotLine(style, label, joined(spots), area, tuple(spots) if marked else ())


def spot(x: float, y: float, width: Scale, height: Scale) -> Spot:
    """In the view box, from the top."""
    return Spot(f"{width.position(x):.2f}", f"{SIDE - height.position(y):.2f}")


def joined(spots: Sequence[Spot]) -> str:
    """As a path of SVG."""
    return "".join(f"{'L' if place else 'M'}{each.x} {each.y}" for place, each in enumerate(spots))


def ticks_across(scale: Scale, values: Sequence[float]) -> tuple[Tick, ...]:
    """In the view box."""
    return tuple(Tick(f"{scale.position(value):.2f}", f"{value:g}".replace("-", "−")) for value in values)


def ticks_up(scale: Scale, values: Sequence[float]) -> tuple[Tick, ...]:
    """In the view box, from the top."""
    return tuple(
        Tick(f"{SIDE - scale.position(value):.2f}", f"{value:g}".replace("-", "−")) for value in values
    )
