"""Brush strokes of the demo's phantoms: a grid, soft edges, smooth noise, curves, randomness by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 224

Plane = NDArray[np.float32]
"""One value a pixel, (SIDE, SIDE) float32."""

Values = NDArray[np.floating[Any]]
"""The same, of any precision."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """Coordinates of every pixel, the picture spanning -1 to 1 (x to the right, y downwards).

    Attributes:
        x: (SIDE, SIDE) float32.
        y: (SIDE, SIDE) float32.
        pose: 2 x 3 matrix that takes (x, y, 1) of the subject to picture coordinates.
    """

    x: Plane
    y: Plane
    pose: NDArray[np.float64]

    def pixels(self, points: Iterable[Point], *, scale: int = 1) -> list[Point]:
        """Subject coordinates as pixel positions of a canvas `scale` times as large as the picture."""
        xy = np.array(list(points), dtype=np.float64) @ self.pose[:, :2].T + self.pose[:, 2]
        return [(u, v) for u, v in ((xy + 1.0) * (SIDE * scale / 2.0)).tolist()]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A curve to be drawn: subject coordinates, width in pixels, value 0 to 1."""

    points: Sequence[Point]
    width: float
    value: float = 1.0


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator for one named purpose, so that drawing one thing more moves nothing else."""
    return np.random.default_rng([seed, crc32(name.encode())])


@cache
def screen() -> Grid:
    """The grid of the picture itself, for what belongs to the film or the lens."""
    return make_grid()


def make_grid(*, scale: float = 1.0, turn: float = 0.0, shift: Point = (0.0, 0.0)) -> Grid:
    """A grid for a subject enlarged by `scale`, turned by `turn` radians and shifted."""
    axis = (np.arange(SIDE, dtype=np.float32) + 0.5) * 2.0 / SIDE - 1.0
    u, v = np.meshgrid(axis - shift[0], axis - shift[1])
    cos, sin = np.cos(turn), np.sin(turn)
    x = ((cos * u + sin * v) / scale).astype(np.float32)
    y = ((cos * v - sin * u) / scale).astype(np.float32)
    pose = np.array([[scale * cos, -scale * sin, shift[0]], [scale * sin, scale * cos, shift[1]]])
    return Grid(x, y, pose)


def plane(values: Any) -> Plane:
    """The values as a plane."""
    return np.asarray(values, dtype=np.float32)


def step(distance: Values, softness: float) -> Plane:
    """0 to 1 across an edge: `distance` is positive inside, `softness` half the width of the ramp."""
    t = np.multiply(distance, np.float32(0.5 / softness), dtype=np.float32)
    t += np.float32(0.5)
    np.clip(t, 0.0, 1.0, out=t)
    return np.asarray(t * t * (np.float32(3.0) - np.float32(2.0) * t))


def ridge(distance: Values, width: float) -> Plane:
    """A bump of height 1 where `distance` is zero."""
    return plane(np.exp(-np.square(distance * np.float32(1.0 / width))))


def ellipse(grid: Grid, centre: Point, radii: Point, *, turn: float = 0.0) -> Plane:
    """Signed distance (roughly, in subject units) to an ellipse, positive inside."""
    dx, dy = grid.x - centre[0], grid.y - centre[1]
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    if turn:
        dx, dy = cos * dx + sin * dy, cos * dy - sin * dx
    dx, dy = dx * np.float32(1.0 / radii[0]), dy * np.float32(1.0 / radii[1])
    return np.asarray((np.float32(1.0) - np.sqrt(dx * dx + dy * dy)) * np.float32(min(radii)))


def resize(values: Plane) -> Plane:
    """Any grid of values, smoothly enlarged to the picture."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.array(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float32)


def smooth_noise(rng: np.random.Generator, cells: int) -> Plane:
    """Standard normal noise that varies over about SIDE / cells pixels."""
    return resize(rng.standard_normal((cells, cells), dtype=np.float32))


def paint(grid: Grid, strokes: Iterable[Stroke], *, scale: int = 2) -> Plane:
    """Curves in the order given, anti-aliased, as values 0 to 1."""
    canvas = Image.new("L", (SIDE * scale, SIDE * scale))
    draw = ImageDraw.Draw(canvas)
    strokes = list(strokes)
    if not strokes:
        return np.zeros((SIDE, SIDE), dtype=np.float32)
    positions = grid.pixels([point for stroke in strokes for point in stroke.points], scale=scale)
    end = 0
    for stroke in strokes:
        begin, end = end, end + len(stroke.points)
        width = max(1, round(stroke.width * scale))
        draw.line(positions[begin:end], fill=round(255 * stroke.value), width=width, joint="curve")
    return np.array(canvas.reduce(scale), dtype=np.float32) / 255.0


def polygon(grid: Grid, outline: Iterable[Point], *, scale: int = 2) -> Plane:
    """A filled outline, anti-aliased, 0 to 1."""
    canvas = Image.new("L", (SIDE * scale, SIDE * scale))
    ImageDraw.Draw(canvas).polygon(grid.pixels(outline, scale=scale), fill=255)
    return np.array(canvas.reduce(scale), dtype=np.float32) / 255.0


def wander(
    rng: np.random.Generator, start: Point, heading: float, *, length: float, bend: float
) -> list[Point]:
    """A gently wandering path of nine points."""
    steps = 8
    headings = heading + np.cumsum(rng.normal(0.0, bend, steps))
    x = start[0] + np.cumsum(np.cos(headings)) * length / steps
    y = start[1] + np.cumsum(np.sin(headings)) * length / steps
    return [start, *((float(a), float(b)) for a, b in zip(x, y, strict=True))]
