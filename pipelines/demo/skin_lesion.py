"""The skin and the pigmented spot of a demo dermoscopy image: its outline, its shades, hairs, light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.demo.cases import Case
from pipelines.demo.raster import (
    SIDE,
    Grid,
    Plane,
    Stroke,
    paint,
    plane,
    ridge,
    screen,
    smooth_noise,
    step,
    stream,
    wander,
)

Colour = NDArray[np.float32]
"""A picture, (SIDE, SIDE, 3) float32, 0 to 1."""

MELANIN = np.array([0.72, 1.05, 1.45], dtype=np.float32)
BLOOD = np.array([0.22, 1.25, 1.0], dtype=np.float32)
"""How strongly a pigment absorbs red, green and blue."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """Outline and coordinates of one lesion.

    Attributes:
        grid: Coordinates with the lesion's centre as origin.
        inside: Distance to the border as a share of the radius, positive inside, 1 at the centre.
        angle: Direction from the centre, radians.
        radius: Mean radius; half a picture is 1.
        mask: 1 inside, 0 outside, as sharp as the border is.
    """

    grid: Grid
    inside: Plane
    angle: Plane
    radius: float
    mask: Plane

    def core(self, depth: float) -> Plane:
        """1 where deeper inside than `depth`, with a soft edge."""
        return step(self.inside - np.float32(depth), 0.08)


def make_lesion(case: Case, grid: Grid) -> Lesion:
    """The outline: a calm oval, bent out of symmetry and notched where the case says so."""
    rng = stream(case.image_seed, "outline")
    radius = float(rng.uniform(0.44, 0.56))
    angle = np.arctan2(grid.y, grid.x)
    border = 1.0 + _waves(rng, angle, (2,), 0.07) + _waves(rng, angle, (3, 4, 5), 0.02)
    asymmetry = case.findings.get("asymmetry")
    if asymmetry:
        border += _lopsided(stream(asymmetry.seed, "asymmetry"), angle, 0.24 + 0.1 * asymmetry.extent)
    ragged = case.findings.get("irregular_border")
    if ragged:
        notches = stream(ragged.seed, "border")
        border += _waves(notches, angle, (5, 7, 10), 0.04 + 0.02 * ragged.extent)
        border += 0.075 * smooth_noise(notches, 17) + 0.04 * smooth_noise(notches, 32)
    distance = np.sqrt(grid.x**2 + grid.y**2) / radius
    inside = (1.0 - distance / border).astype(np.float32)
    softness = 0.05 if ragged else float(rng.uniform(0.12, 0.2))
    return Lesion(grid, inside, angle, radius, step(inside, softness))


def _waves(rng: np.random.Generator, angle: Plane, orders: tuple[int, ...], size: float) -> Plane:
    total = np.zeros_like(angle)
    for order in orders:
        height = np.float32(size * rng.uniform(0.7, 1.3))
        total += height * np.sin(order * angle + np.float32(rng.uniform(0.0, 2 * np.pi)))
    return total


def _lopsided(rng: np.random.Generator, angle: Plane, size: float) -> Plane:
    turn = angle - np.float32(rng.uniform(0.0, 2 * np.pi))
    return np.asarray(
        np.float32(size) * (np.sin(turn) * 0.8 + np.sin(2 * turn + 0.7) * 0.7 + np.sin(3 * turn) * 0.45)
    )


def skin_surface(case: Case) -> Colour:
    """Bare skin: tone, blotches, furrows and the light on them."""
    person, rng = stream(case.person_seed, "skin"), stream(case.image_seed, "surface")
    dark = case.attributes["skin_tone"] == "dark"
    melanin = float(person.uniform(0.62, 0.82) if dark else person.uniform(0.03, 0.1))
    blood = float(person.uniform(0.14, 0.24) if dark else person.uniform(0.12, 0.26))
    blotches = 0.03 * smooth_noise(rng, 6) + 0.02 * smooth_noise(rng, 40)
    furrows = 0.05 * ridge(smooth_noise(rng, 26), 0.35)
    mottled = 1.0 + 0.5 * smooth_noise(rng, 9) * 0.3
    return absorb(
        np.full((SIDE, SIDE, 3), 0.97, dtype=np.float32), melanin + blotches + furrows, blood * mottled
    )


def absorb(colour: Colour, melanin: Plane, blood: Plane | float = 0.0) -> Colour:
    """The picture seen through so much pigment."""
    density = np.multiply.outer(melanin, MELANIN) + np.multiply.outer(
        np.broadcast_to(blood, melanin.shape), BLOOD
    )
    return np.asarray(colour * np.exp(-density, dtype=np.float32))


def blend(colour: Colour, other: tuple[float, float, float], share: Plane) -> Colour:
    """`other` laid over the picture, opaque where `share` is 1."""
    weight = share[:, :, None]
    return np.asarray(colour * (1.0 - weight) + np.array(other, dtype=np.float32) * weight)


def pigment(case: Case, lesion: Lesion) -> tuple[Plane, Plane]:
    """Melanin and blood of the spot; patches of several shades where the case says so."""
    rng = stream(case.image_seed, "pigment")
    depth = float(rng.uniform(0.5, 0.8))
    shade = 1.0 + 0.1 * smooth_noise(rng, 8) + 0.07 * smooth_noise(rng, 40)
    shade += float(rng.uniform(0.0, 0.25)) * np.clip(lesion.inside, 0.0, 1.0)
    melanin, blood = depth * shade * lesion.mask, float(rng.uniform(0.05, 0.25)) * lesion.mask
    several = case.findings.get("multiple_colours")
    if several:
        patches = stream(several.seed, "colours")
        dark, light, red = (
            step(smooth_noise(patches, 6) + 0.2 * smooth_noise(patches, 20) - c, 0.5) * lesion.mask
            for c in (0.35, 0.35, 0.55)
        )
        melanin = melanin * (1.0 - 0.65 * light) + (0.75 + 0.5 * several.extent) * dark * (1.0 - light)
        blood = blood + 0.5 * red
    return melanin.astype(np.float32), blood.astype(np.float32)


def hairs(case: Case) -> Plane:
    """Dark hairs across the picture, none in most."""
    rng = stream(case.image_seed, "hair")
    strokes = []
    for _ in range(int(rng.integers(2, 9)) if rng.random() < 0.4 else 0):
        start = (float(rng.uniform(-1.1, 1.1)), float(rng.uniform(-1.1, 1.1)))
        path = wander(
            rng, start, float(rng.uniform(0.0, 6.3)), length=float(rng.uniform(0.6, 1.6)), bend=0.08
        )
        strokes.append(Stroke(path, 1.2, float(rng.uniform(0.4, 0.8))))
    return paint(screen(), strokes)


def ruler(case: Case) -> tuple[Plane, Plane]:
    """A translucent ruler along one edge of the picture: the strip and its millimetre ticks."""
    rng = stream(case.image_seed, "ruler")
    pitch, width = float(rng.uniform(0.075, 0.095)), float(rng.uniform(0.24, 0.3))
    upright, flip = rng.random() < 0.5, 1.0 if rng.random() < 0.5 else -1.0
    ticks = []
    for i, at in enumerate(np.arange(-0.98, 1.0, pitch).tolist()):
        length = width * (0.85 if i % 10 == 0 else 0.65 if i % 5 == 0 else 0.45)
        ends = [(at, flip * 1.0), (at, flip * (1.0 - length))]
        ticks.append(Stroke([(v, u) for u, v in ends] if upright else ends, 1.8, 0.95))
    along = screen().x if upright else screen().y
    return plane(0.6 * step(flip * along - (1.0 - width), 0.012)), paint(screen(), ticks)


def light(case: Case) -> Plane:
    """Uneven lighting, and the round dark edge of the dermoscope where the case has one."""
    rng = stream(case.image_seed, "light")
    grid, slope = screen(), rng.normal(0.0, 0.04, 2).astype(np.float32)
    even = 1.0 + slope[0] * grid.x + slope[1] * grid.y - 0.05 * (grid.x**2 + grid.y**2)
    if case.attributes["dark_corner"] == "present":
        centre = rng.normal(0.0, 0.03, 2).astype(np.float32)
        away = np.sqrt((grid.x - centre[0]) ** 2 + (grid.y - centre[1]) ** 2)
        even = even * (0.04 + 0.96 * step(np.float32(rng.uniform(1.0, 1.1)) - away, 0.09))
    return plane(even)
