"""What a healthy chest shows: soft tissue, ribs, spine, heart, vessels, each as attenuation to be added."""

import numpy as np
from numpy.typing import NDArray

from pipelines.demo.chest_thorax import LEFT, RIGHT, Regions, Thorax
from pipelines.demo.raster import (
    Grid,
    Plane,
    Point,
    Stroke,
    ellipse,
    paint,
    plane,
    ridge,
    smooth_noise,
    step,
    stream,
)


def body(regions: Regions, thorax: Thorax, seed: int) -> Plane:
    """Soft tissue: trunk, neck, shoulders, arms, breasts, and the abdomen below the diaphragm."""
    rng = stream(seed, "body")
    grid = regions.grid
    size = np.abs(grid.x)
    flank = thorax.width + rng.uniform(0.1, 0.19) + 0.05 * np.clip(grid.y, 0.0, 1.0) - size
    neck = 0.25 + 0.9 * step(grid.y + rng.uniform(0.72, 0.8), 0.15) - size
    shoulder = np.minimum(neck, -0.28 - grid.y)
    arm_line = 1.0 + rng.uniform(0.0, 0.3) + 0.25 * (grid.y + 0.4)
    arm = np.minimum(0.2 - np.abs(size - arm_line), grid.y + 0.55)
    trunk = np.minimum(flank, grid.y + 0.62)
    mask = step(np.maximum(np.maximum(trunk, shoulder), arm).astype(np.float32), 0.05)
    belly = step(-regions.floor, 0.018) * step(grid.y, 0.2) * step(flank - 0.03, 0.09)
    thick = 0.47 - 0.1 * size**2 + (0.2 - 0.12 * size**2 + 0.04 * smooth_noise(rng, 5)) * belly
    thick += 0.05 * step(grid.y - 0.3, 0.5) - 0.1 * step(-grid.y - 0.45, 0.3)
    return plane(mask * (thick + _breasts(grid, thorax)))


def _breasts(grid: Grid, thorax: Thorax) -> Plane:
    if thorax.breast == 0.0:
        return np.zeros_like(grid.x)
    r, total = thorax.breast, np.zeros_like(grid.x)
    for side in (RIGHT, LEFT):
        inside = ellipse(grid, (side * 0.46, 0.24), (r * 1.05, r))
        lower = step(grid.y - 0.02, 0.3)
        rim = 0.35 + 0.65 * step(grid.y - 0.24, 0.25)
        total += 0.2 * step(inside, 0.03) * lower * rim
    return total


def ribs(regions: Regions, thorax: Thorax, seed: int) -> Plane:
    """Posterior ribs falling outwards and fainter anterior ribs falling inwards."""
    rng = stream(seed, "ribs")
    grid, t = regions.grid, np.abs(regions.across)
    offset = rng.uniform(0.0, 1.0)
    tilt = rng.normal(0.0, 0.03) * regions.across
    squeeze = grid.y + 0.1 * np.square(grid.y - 0.3)
    behind = (squeeze - 0.34 * t**2.2 + 0.1 * t + tilt) / thorax.spacing + offset
    front = (squeeze + 0.62 * (t - 0.4) ** 1.0 - 0.25 * t**2 - tilt) / thorax.spacing + offset + 0.35
    uneven = rng.uniform(0.75, 1.25, 64)
    back = _bands(behind, 0.31, uneven) * step(t - 0.13, 0.05) * step(1.03 - t, 0.02)
    fore = _bands(front, 0.3, uneven) * step(t - 0.42, 0.12) * step(1.03 - t, 0.02)
    fade = step(grid.y + 0.86, 0.05) * step(0.62 - grid.y, 0.15)
    lateral = 0.05 * ridge(regions.wall + 0.015, 0.03) * fade
    return plane(thorax.ribs * fade * (back + 0.5 * fore) + lateral)


def _bands(phase: Plane, half: float, uneven: NDArray[np.float64]) -> Plane:
    nearest = np.round(phase)
    away = np.abs(phase - nearest)
    height = uneven.astype(np.float32)[nearest.astype(np.int64) % len(uneven)]
    cortex = np.square(np.clip(away / half, 0.0, 1.0))
    return plane(height * (0.6 + 0.6 * cortex) * step(half - away, 0.08))


def skeleton(regions: Regions, seed: int) -> Plane:
    """Spine, clavicles and shoulder blades."""
    rng = stream(seed, "skeleton")
    grid = regions.grid
    phase = np.abs(np.mod(grid.y / rng.uniform(0.12, 0.135) + rng.uniform(), 1.0) - 0.5)
    column = step(0.085 + 0.012 * phase - np.abs(grid.x), 0.02)
    fade = 0.55 + 0.45 * step(grid.y + 0.1, 0.7)
    discs = 0.03 + 0.06 * step(0.4 - phase, 0.08)
    pedicles = 0.06 * ridge(
        np.hypot((np.abs(grid.x) - 0.05) / 0.02, (phase - 0.1) / 0.16).astype(np.float32), 1.0
    )
    spine = fade * (column * discs + pedicles)
    height = rng.uniform(-0.7, -0.62)
    strokes, shade = [], rng.uniform(0.5, 0.7)
    for side in (RIGHT, LEFT):
        lift = height + rng.normal(0.0, 0.012)
        path = [(x, lift - 0.05 * np.sin(4.0 * (x - 0.28)) + 0.02 * x) for x in np.linspace(0.08, 0.84, 14)]
        strokes += [
            Stroke([(side * x, y) for x, y in path], width, v) for width, v in ((9, shade), (6, 0.7 * shade))
        ]
        blade = [(0.62, -0.52), (0.66, -0.25), (0.74, -0.02), (0.83, -0.3), (0.86, -0.55)]
        strokes.append(Stroke([(side * x, y) for x, y in blade], 2.5, 0.22))
        strokes.append(Stroke([(side * 0.9, -0.56), (side * 0.96, -0.45), (side * 1.3, 0.3)], 15, 0.25))
    return plane(spine + 0.22 * paint(grid, strokes))


def mediastinum(regions: Regions, thorax: Thorax) -> Plane:
    """Great vessels, aortic knob, heart, and the air of the trachea."""
    grid = regions.grid
    drift = 0.012 * np.sin(grid.y * 5.0)
    band = step(0.135 + 0.5 * drift - np.abs(grid.x - drift), 0.05) * step(0.5 - grid.y, 0.3)
    knob = step(ellipse(grid, (thorax.knob - 0.105, -0.34), (0.105, 0.1)), 0.022)
    trunk = step(ellipse(grid, (0.075 + 0.2 * (thorax.heart - 0.28), -0.14), (0.12, 0.15)), 0.04)
    edge = thorax.knob * 0.85 - 0.02 + 0.02 * np.sin(grid.y * 3.0)
    descending = step(edge - np.abs(grid.x - 0.02), 0.03)
    descending *= step(grid.x, 0.05) * step(grid.y + 0.34, 0.08) * step(0.4 - grid.y, 0.3)
    heart = _heart(grid, thorax) * (0.15 + 0.85 * step(regions.floor + 0.03, 0.06))
    above = np.maximum(np.maximum(0.13 * knob, 0.1 * trunk), 0.07 * descending)
    windpipe = step(0.05 - np.abs(grid.x + 0.01), 0.025) * step(-0.22 - grid.y, 0.15)
    dense = 1.0 - (1.0 - 0.19 * band) * (1.0 - np.maximum(above, 0.31 * heart))
    return plane(dense - 0.09 * windpipe)


def _heart(grid: Grid, thorax: Thorax) -> Plane:
    base = sum(thorax.domes) / 2 + 0.04
    tall = 0.27 + 0.3 * (thorax.heart - 0.28)
    ventricle = ellipse(
        grid, (0.4 * thorax.heart, base - tall * 0.72), (thorax.heart * 1.25, tall * 0.82), turn=0.62
    )
    atrium = ellipse(
        grid, (-0.12 * thorax.heart, base - tall * 0.85), (0.62 * thorax.heart + 0.04, tall * 0.9)
    )
    sides = np.maximum(step(ventricle, 0.025), step(atrium, 0.025))
    deep = np.clip(np.maximum(ventricle, atrium) / 0.2, 0.0, 1.0)
    return plane(sides * (0.72 + 0.28 * np.sqrt(deep)))


def stomach(regions: Regions, thorax: Thorax, seed: int) -> Plane:
    """The gas bubble under the left diaphragm, in most people."""
    rng = stream(seed, "stomach")
    centre = (rng.uniform(0.26, 0.42), thorax.domes[1] + rng.uniform(0.1, 0.16))
    bubble = step(ellipse(regions.grid, centre, (rng.uniform(0.07, 0.14), rng.uniform(0.04, 0.075))), 0.02)
    return plane(-0.24 * float(rng.random() < 0.7) * bubble * step(-regions.floor - 0.03, 0.02))


def vessels(regions: Regions, thorax: Thorax, seed: int) -> Plane:
    """Hila and the vessels that branch from them, thinner towards the wall."""
    rng = stream(seed, "vessels")
    strokes: list[Stroke] = []
    hila = np.zeros_like(regions.grid.x)
    for side in (RIGHT, LEFT):
        root = (side * 0.18, -0.06 if side < 0 else -0.1)
        angles = np.linspace(-1.2, 1.45, 7) + rng.normal(0.0, 0.12, 7)
        starts = np.stack([np.full(7, root[0]), root[1] + 0.07 * angles], axis=1)
        strokes += _branches(rng, starts, angles, side)
        hila += _hilum(rng, regions.grid, root, side, thorax.hilum)
    tree = 0.11 * paint(regions.grid, strokes) * regions.lungs
    texture = 0.016 * smooth_noise(rng, 50) * regions.lungs
    return plane(tree + hila + texture)


def _hilum(rng: np.random.Generator, grid: Grid, root: Point, side: float, size: float) -> Plane:
    lumps = np.zeros_like(grid.x)
    for dy in (-0.07, 0.01, 0.1):
        away = side * (0.05 * (size - 1.0) + float(rng.normal(0.0, 0.01)))
        r = 0.048 * size * float(rng.uniform(0.85, 1.15))
        lump = step(ellipse(grid, (root[0] + away, root[1] + dy * size), (r, r * 1.2)), 0.04)
        np.maximum(lumps, lump, out=lumps)
    return (0.01 + 0.1 * size) * lumps


def _branches(
    rng: np.random.Generator, starts: NDArray[np.float64], angles: NDArray[np.float64], side: float
) -> list[Stroke]:
    """Four generations of vessels; starts: (n, 2), angles: (n) from the horizontal, outwards."""
    strokes: list[Stroke] = []
    length, width = rng.uniform(0.2, 0.3, len(angles)), 3.0
    for _ in range(4):
        bends = angles[:, None] + np.cumsum(rng.normal(0.0, 0.13, (len(angles), 3)), axis=1)
        moves = np.stack([side * np.cos(bends), np.sin(bends)], axis=2) * length[:, None, None] / 3
        paths = np.concatenate([starts[:, None], starts[:, None] + np.cumsum(moves, axis=1)], axis=1)
        strokes += [Stroke(path, width, min(1.0, 0.3 + 0.23 * width)) for path in paths.tolist()]
        starts, angles, length = (np.repeat(a, 2, axis=0) for a in (paths[:, -1], bends[:, -1], length))
        angles = angles + np.tile([-0.34, 0.34], len(angles) // 2) + rng.normal(0.0, 0.18, len(angles))
        length, width = length * rng.uniform(0.6, 0.85, len(length)), width * 0.62
    return strokes
