"""Dermoscopic structures laid over the spot, from the pigment network to crusts on the surface."""

from collections.abc import Callable

import numpy as np

from pipelines.demo.cases import Placement
from pipelines.demo.raster import (
    Plane,
    Point,
    Stroke,
    ellipse,
    paint,
    ridge,
    smooth_noise,
    step,
    stream,
    wander,
)
from pipelines.demo.skin_lesion import Colour, Lesion, absorb, blend

Drawer = Callable[[Colour, Placement, Lesion], Colour]


def typical_network(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """A regular honeycomb of thin brown lines that fades at the border."""
    rng = stream(place.seed, "network")
    pitch = float(rng.uniform(75.0, 90.0))
    turn = float(rng.uniform(0.0, 1.0))
    x = lesion.grid.x + 0.012 * smooth_noise(rng, 12)
    y = lesion.grid.y + 0.012 * smooth_noise(rng, 12)
    waves = sum(np.cos(pitch * (x * np.cos(turn + k) + y * np.sin(turn + k))) for k in (0.0, 2.0944, 4.1888))
    lines = step(-np.asarray(waves) - 0.1, 1.1)
    return absorb(colour, (0.7 + 0.35 * place.extent) * lines * step(lesion.inside - 0.05, 0.25))


def atypical_network(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """A mesh of thick dark lines with holes of all sizes, in part of the lesion."""
    rng = stream(place.seed, "network")
    warp = 0.05 * smooth_noise(rng, 10)
    coarse = ridge(smooth_noise(rng, 17), 0.26)
    fine = ridge(smooth_noise(rng, 28), 0.22) * step(warp, 0.04)
    part = step(smooth_noise(rng, 4) + 0.7, 0.6)
    return absorb(
        colour, (1.2 + 0.5 * place.extent) * np.maximum(coarse, 0.8 * fine) * part * lesion.core(-0.02)
    )


def irregular_globules(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """Dots and globules of different sizes, crowded to one side."""
    rng = stream(place.seed, "globules")
    count = 14 + int(12 * place.extent)
    lean = rng.uniform(0.0, 2 * np.pi)
    strokes = []
    for _ in range(count):
        point = _scatter(rng, lesion, lean=float(lean), spread=0.9)
        strokes.append(_dot(point, float(rng.uniform(0.014, 0.042))))
    return absorb(colour, 1.9 * paint(lesion.grid, strokes))


def streaks(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """Radial lines that run out of the border, some with a bulb at the end."""
    rng = stream(place.seed, "streaks")
    first, width = rng.uniform(0.0, 2 * np.pi), 2.6 + 2.6 * place.extent
    strokes = []
    for angle in first + np.linspace(0.0, width, int(7 * width)) + rng.normal(0.0, 0.03, int(7 * width)):
        edge = _edge(lesion, float(angle))
        reach = edge + rng.uniform(0.03, 0.19)
        lean = angle + rng.normal(0.0, 0.06)
        tip = (float(reach * np.cos(lean)), float(reach * np.sin(lean)))
        root = (float((edge - 0.14) * np.cos(angle)), float((edge - 0.14) * np.sin(angle)))
        middle = (0.6 * tip[0] + 0.4 * root[0], 0.6 * tip[1] + 0.4 * root[1])
        strokes += [Stroke([root, middle, tip], 1.6, 0.6), Stroke([root, middle], 3.0, 0.9)]
        strokes += [_dot(tip, 0.02)] if rng.random() < 0.35 else []
    return absorb(colour, 1.4 * paint(lesion.grid, strokes))


def blue_white_veil(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """A structureless blue patch under a whitish haze."""
    rng = stream(place.seed, "veil")
    patch = _patch(rng, lesion, 0.5 + 0.2 * place.extent)
    haze = np.clip(0.45 + 0.3 * smooth_noise(rng, 9), 0.0, 1.0).astype(np.float32)
    blue = patch * np.clip(0.75 + 0.12 * smooth_noise(rng, 14), 0.0, 0.92)
    return blend(blend(colour, (0.3, 0.36, 0.52), blue), (0.72, 0.77, 0.85), 0.5 * patch * haze)


def regression(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """A white scar-like area with grey peppering."""
    rng = stream(place.seed, "regression")
    patch = _patch(rng, lesion, 0.5 + 0.2 * place.extent)
    pepper = step(smooth_noise(rng, 70) - 1.1, 0.5) * patch * step(smooth_noise(rng, 8), 0.6)
    scar = patch * np.clip(0.78 + 0.1 * smooth_noise(rng, 16), 0.0, 0.92)
    return blend(blend(colour, (0.93, 0.84, 0.81), scar), (0.42, 0.43, 0.5), 0.65 * pepper)


def milia_like_cysts(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """Small round whitish dots that seem to shine."""
    rng = stream(place.seed, "milia")
    strokes = [
        _dot(_scatter(rng, lesion, spread=0.8), float(rng.uniform(0.02, 0.036)))
        for _ in range(13 + int(9 * place.extent))
    ]
    return blend(colour, (0.99, 0.95, 0.84), 0.92 * paint(lesion.grid, strokes))


def comedo_like_openings(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """Roundish brown plugs with a pale yellow rim."""
    rng = stream(place.seed, "comedo")
    plugs, rims = [], []
    for _ in range(8 + int(5 * place.extent)):
        point, r = _scatter(rng, lesion, spread=0.78), float(rng.uniform(0.035, 0.055))
        plugs.append(_dot(point, r))
        rims.append(_dot(point, r + 0.02))
    pale = blend(colour, (0.93, 0.8, 0.5), 0.4 * paint(lesion.grid, rims))
    return blend(pale, (0.27, 0.15, 0.06), 0.95 * paint(lesion.grid, plugs))


def vessels(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """Branching and dotted red vessels."""
    rng = stream(place.seed, "vessels")
    strokes = []
    for _ in range(6 + int(4 * place.extent)):
        start, heading = _scatter(rng, lesion, spread=1.0), float(rng.uniform(0.0, 6.3))
        trunk = wander(rng, start, heading, length=float(rng.uniform(0.35, 0.6)), bend=0.35)
        strokes.append(Stroke(trunk, 2.2))
        for k in (3, 5, 7):
            fork = heading + float(rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 1.1))
            strokes.append(Stroke(wander(rng, trunk[k], fork, length=0.2, bend=0.35), 1.3, 0.75))
    strokes += [_dot(_scatter(rng, lesion, spread=1.0), 0.018) for _ in range(12)]
    red = paint(lesion.grid, strokes)
    return absorb(blend(colour, (0.78, 0.22, 0.24), 0.6 * red), 0.0 * red, 0.75 * red)


def ulceration(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """An eroded dark red floor with an orange crust around it."""
    rng = stream(place.seed, "ulcer")
    centre = _scatter(rng, lesion, spread=0.4)
    radius = 0.16 + 0.09 * place.extent
    ragged = ellipse(lesion.grid, centre, (radius * 1.15, radius)) + 0.035 * smooth_noise(rng, 14)
    ragged = (ragged + 0.02 * smooth_noise(rng, 36)).astype(np.float32)
    crust = step(ragged + 0.04, 0.05) * np.clip(0.6 + 0.4 * smooth_noise(rng, 26), 0.0, 1.0)
    floor = step(ragged - 0.01, 0.05) * np.clip(0.85 + 0.25 * smooth_noise(rng, 30), 0.0, 1.0)
    return blend(blend(colour, (0.8, 0.55, 0.25), 0.8 * crust), (0.42, 0.05, 0.05), 0.9 * floor)


def scale(colour: Colour, place: Placement, lesion: Lesion) -> Colour:
    """White to yellow flakes on the surface."""
    rng = stream(place.seed, "scale")
    flakes = step(smooth_noise(rng, 30) + 0.6 * smooth_noise(rng, 60) - (0.7 - 0.3 * place.extent), 0.3)
    cracks = 1.0 - 0.8 * ridge(smooth_noise(rng, 50), 0.3)
    around = step(lesion.inside + 0.1, 0.16)
    return blend(colour, (0.97, 0.94, 0.86), 0.75 * flakes * cracks * around)


def _patch(rng: np.random.Generator, lesion: Lesion, size: float) -> Plane:
    centre = _scatter(rng, lesion, spread=0.35)
    r = size * lesion.radius
    ragged = (
        ellipse(lesion.grid, centre, (r * 1.2, r))
        + 0.05 * smooth_noise(rng, 9)
        + 0.03 * smooth_noise(rng, 24)
    )
    return step(ragged, 0.11) * lesion.core(0.03)


def _scatter(rng: np.random.Generator, lesion: Lesion, *, spread: float, lean: float | None = None) -> Point:
    angle = rng.uniform(0.0, 2 * np.pi) if lean is None else rng.normal(lean, 0.9)
    r = spread * np.sqrt(rng.random()) * _edge(lesion, float(angle))
    return float(r * np.cos(angle)), float(r * np.sin(angle))


def _edge(lesion: Lesion, angle: float) -> float:
    """Distance from the centre to the border in one direction."""
    radii = np.linspace(0.05, 1.1, 43)
    points = [(float(r * np.cos(angle)), float(r * np.sin(angle))) for r in radii]
    side = lesion.inside.shape[0]
    cells = np.clip(np.array(lesion.grid.pixels(points)), 0, side - 1).astype(int)
    values = lesion.inside[cells[:, 1], cells[:, 0]]
    outside = np.flatnonzero(values < 0.0)
    return float(radii[outside[0]] if len(outside) else radii[-1])


def _dot(centre: Point, radius: float) -> Stroke:
    angles = np.linspace(0.0, 2 * np.pi, 9)
    ring = [
        (centre[0] + 0.5 * radius * float(np.cos(a)), centre[1] + 0.5 * radius * float(np.sin(a)))
        for a in angles
    ]
    return Stroke(ring, radius * 112.0 * 1.05)


STRUCTURES: dict[str, Drawer] = {
    "typical_network": typical_network,
    "atypical_network": atypical_network,
    "irregular_globules": irregular_globules,
    "streaks": streaks,
    "regression": regression,
    "blue_white_veil": blue_white_veil,
    "vessels": vessels,
    "comedo_like_openings": comedo_like_openings,
    "milia_like_cysts": milia_like_cysts,
    "ulceration": ulceration,
    "scale": scale,
}
"""Drawn in this order, from the depth to the surface."""
