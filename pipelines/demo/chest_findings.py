"""Findings laid over the chest: fluid, air, opacities, calcium, metal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.demo.cases import Case, Placement
from pipelines.demo.chest_thorax import LEFT, ROW, SIGN, Regions, Thorax
from pipelines.demo.raster import (
    Plane,
    Stroke,
    Values,
    ellipse,
    paint,
    plane,
    polygon,
    ridge,
    smooth_noise,
    step,
    stream,
    wander,
)


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a finding does to the picture.

    Attributes:
        added: Attenuation added on top.
        filled: Share of the air in the lung that is replaced, 0 to 1.
        bare: Where lung markings vanish, 0 to 1.
    """

    added: Values | float = 0.0
    filled: Values | float = 0.0
    bare: Values | float = 0.0


Drawer = Callable[[Placement, Regions, Thorax], Overlay]


def apply_overlays(
    case: Case, regions: Regions, thorax: Thorax, markings: Plane, air: Plane
) -> tuple[Plane, Plane, Plane]:
    """Markings, air and added attenuation after all overlays of a case."""
    added = np.zeros_like(air)
    for name, draw in OVERLAYS.items():
        if name in case.findings:
            overlay = draw(case.findings[name], regions, thorax)
            markings = plane(markings * (1.0 - overlay.bare))
            air = plane(air * (1.0 - overlay.filled))
            added = plane(added + overlay.added)
    return markings, air, added


def _one_side(regions: Regions, sign: float) -> Plane:
    return step(regions.grid.x * sign, 0.02)


def pleural_effusion(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """Fluid that hides the costophrenic angle, its surface rising towards the wall."""
    sign = SIGN[place.side]
    t = np.clip(regions.across * sign, 0.0, 1.1)
    level = thorax.dome(sign) + 0.02 - 0.3 * place.extent
    surface = regions.grid.y - (level - (0.12 + 0.16 * place.extent) * t**3 + 0.1 * (1.0 - t))
    fluid = step(surface, 0.025) * _one_side(regions, sign) * regions.cage * step(t - 0.1, 0.1)
    below = step(-regions.floor, 0.02)
    return Overlay(added=0.2 * fluid * (1.0 - below), filled=0.95 * fluid, bare=fluid * (1.0 - below))


def pneumothorax(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """A thin pleural line with nothing but air between it and the chest wall."""
    sign = SIGN[place.side]
    y = regions.grid.y
    height = np.clip((thorax.dome(sign) - y) / (thorax.dome(sign) - thorax.apex), 0.0, 1.0)
    gap = (0.1 + 0.14 * place.extent) * (0.35 + 0.65 * height)
    top = y - (thorax.apex + 0.12 + 0.2 * place.extent) - 0.5 * np.square(regions.grid.x * sign - 0.28)
    inside = np.minimum(regions.wall - gap, top).astype(np.float32)
    side = _one_side(regions, sign) * regions.lungs
    outside = step(-inside, 0.006) * side
    line = ridge(inside, 0.012) * side
    collapsed = step(inside, 0.02) * side
    return Overlay(added=0.15 * line + 0.05 * collapsed, filled=-0.3 * outside, bare=outside)


def consolidation(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """A cloudy opacity with dark air-filled bronchi."""
    rng = stream(place.seed, "consolidation")
    sign = SIGN[place.side]
    row = min(ROW[place.zone], thorax.dome(sign) - 0.18)
    centre = (sign * rng.uniform(0.36, 0.46), row)
    radius = 0.19 + 0.09 * place.extent
    ragged = ellipse(regions.grid, centre, (radius * 1.05, radius)) + 0.05 * smooth_noise(rng, 14)
    cloud = step(ragged, 0.07) * regions.lungs
    cloud *= np.clip(0.85 + 0.12 * smooth_noise(rng, 24), 0.0, 1.1)
    angles = np.linspace(-0.8, 0.8, 4) + rng.normal(0.0, 0.15, 4)
    start = (float(centre[0] - sign * radius * 0.8), row)
    bronchi = [
        Stroke(wander(rng, start, float(np.pi * (sign < 0) + sign * a), length=1.3 * radius, bend=0.12), 2.0)
        for a in angles
    ]
    bronchogram = paint(regions.grid, bronchi)
    airless = cloud * (1.0 - 0.3 * bronchogram)
    return Overlay(added=0.07 * airless, filled=0.9 * airless, bare=np.clip(cloud, 0.0, 0.9))


def nodule(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """A round, well-defined opacity of soft tissue."""
    rng = stream(place.seed, "nodule")
    sign = SIGN[place.side]
    row = min(ROW[place.zone] + rng.uniform(-0.06, 0.06), thorax.dome(sign) - 0.12)
    radius = 0.09 + 0.05 * place.extent
    shape = ellipse(
        regions.grid, (sign * rng.uniform(0.36, 0.5), row), (radius, radius * rng.uniform(0.85, 1.1))
    )
    ball = np.sqrt(np.clip(shape / radius, 0.0, 1.0))
    return Overlay(added=0.4 * ball, filled=0.3 * ball)


def interstitial_markings(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """A net of fine lines in both lungs, with short Kerley B lines at the bases."""
    rng = stream(place.seed, "interstitial")
    sign_floor = max(thorax.domes)
    weight = (
        regions.lungs
        * step(np.abs(regions.across) - 0.3, 0.15)
        * np.clip(0.55 + 0.9 * (regions.grid.y + 0.3), 0.25, 1.1)
    )
    net = ridge(smooth_noise(rng, 34), 0.2) + 0.7 * ridge(smooth_noise(rng, 48), 0.2)
    kerley = [
        Stroke([(s * (thorax.width - 0.01), y), (s * (thorax.width - rng.uniform(0.1, 0.16)), y + 0.01)], 1.4)
        for s in SIGN.values()
        for y in sign_floor - 0.02 - 0.055 * np.arange(6) + rng.normal(0.0, 0.008, 6)
    ]
    lines = paint(regions.grid, kerley) * regions.lungs
    strength = 0.1 + 0.06 * place.extent
    return Overlay(added=(strength * weight * net + 0.2 * lines).astype(np.float32), filled=0.12 * weight)


def linear_atelectasis(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """Plate-like bands, nearly horizontal, above the diaphragm."""
    rng = stream(place.seed, "atelectasis")
    sign = SIGN[place.side]
    strokes = []
    for i in range(2 + int(place.extent > 0.4)):
        y = thorax.dome(sign) - 0.07 - 0.1 * i + rng.normal(0.0, 0.01)
        x, length = sign * rng.uniform(0.2, 0.3), rng.uniform(0.3, 0.4)
        tilt = rng.normal(0.0, 0.1)
        points = [
            (x + sign * length * k, y + length * tilt * k - 0.03 * k * (1 - k)) for k in np.linspace(0, 1, 8)
        ]
        width = rng.uniform(3.5, 5.0)
        strokes += [Stroke(points, 0.5 * width, 0.6), Stroke(points[1:-1], width)]
    return Overlay(added=0.33 * paint(regions.grid, strokes) * regions.cage)


def calcified_granuloma(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """Small dots as dense as bone."""
    rng = stream(place.seed, "granuloma")
    sign = SIGN[place.side]
    total = np.zeros_like(regions.grid.x)
    for i in range(3 + int(4 * place.extent)):
        side = sign if i < 2 else sign * rng.choice([1.0, 1.0, -1.0])
        row = min(ROW[place.zone] + rng.uniform(-0.2, 0.2), thorax.dome(side) - 0.06)
        radius = rng.uniform(0.022, 0.036)
        dot = ellipse(
            regions.grid, (side * rng.uniform(0.28, 0.56), row), (radius, radius * rng.uniform(0.8, 1.2))
        )
        np.maximum(total, step(dot, 0.012), out=total)
    return Overlay(added=0.48 * total)


def tortuous_aorta(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """The rim of calcium around the prominent knob (the knob itself is part of the outline)."""
    rng = stream(place.seed, "aorta")
    grid = regions.grid
    arch = ellipse(grid, (thorax.knob - 0.105, -0.36), (0.105, 0.11))
    outer = step(grid.x - thorax.knob + 0.13, 0.04) * step(-0.26 - grid.y, 0.04)
    rim = ridge(arch - 0.012, 0.01) * outer
    band = [(thorax.knob - 0.02 + 0.03 * np.sin(3.2 * t), -0.3 + 0.55 * t) for t in np.linspace(0.0, 1.0, 9)]
    edge = paint(grid, [Stroke(band, 9.0)])
    return Overlay(added=(rng.uniform(0.3, 0.4) * rim + 0.12 * edge).astype(np.float32))


def sternotomy_wires(place: Placement, regions: Regions, _: Thorax) -> Overlay:
    """Wire loops in a row down the midline."""
    rng = stream(place.seed, "wires")
    strokes = []
    for y in np.linspace(-0.46, 0.22, 6) + rng.normal(0.0, 0.01, 6):
        w, h, lean = rng.uniform(0.04, 0.055), rng.uniform(0.015, 0.026), rng.normal(0.1, 0.25)
        angles = np.linspace(0.0, 2 * np.pi, 14)
        loop = [(w * np.cos(a), y + h * np.sin(a) + lean * w * np.cos(a)) for a in angles]
        strokes += [Stroke(loop, 1.6), Stroke([(w * 0.2, y + h), (w * 0.5, y + h + 0.035)], 1.6)]
    return Overlay(added=0.62 * paint(regions.grid, strokes))


def pacemaker(place: Placement, regions: Regions, thorax: Thorax) -> Overlay:
    """A generator under the skin of the chest and leads to the heart."""
    rng = stream(place.seed, "pacemaker")
    sign = SIGN[place.side]
    x, y = sign * rng.uniform(0.5, 0.58), rng.uniform(-0.48, -0.4)
    w, h = rng.uniform(0.1, 0.125), rng.uniform(0.085, 0.1)
    angles = np.linspace(0.0, 2 * np.pi, 24)
    case = [(x + w * _squircle(np.cos(a)), y + h * _squircle(np.sin(a))) for a in angles]
    base = sum(thorax.domes) / 2
    path = [(x, y - h), (x - sign * 0.12, y - 0.17), (sign * 0.22, -0.6), (-0.09, -0.42), (-0.13, -0.1)]
    tip = (LEFT * thorax.heart * 0.75, base - 0.1)
    ventricular = [*path, (-0.12, base - 0.2), (0.02, base - 0.1), tip]
    atrial = [*path, (-0.15, 0.05), (-0.2, base - 0.28), (-0.14, base - 0.33)]
    leads = paint(regions.grid, [Stroke(ventricular, 1.7), Stroke(atrial, 1.5, 0.9)])
    shell = polygon(regions.grid, case)
    inner = polygon(regions.grid, [(x + (u - x) * 0.62, y + (v - y) * 0.62) for u, v in case])
    return Overlay(added=np.maximum(0.62 * shell - 0.12 * inner, 0.5 * leads))


def _squircle(value: float) -> float:
    return float(np.sign(value) * np.sqrt(np.abs(value)))


OVERLAYS: dict[str, Drawer] = {
    "pneumothorax": pneumothorax,
    "interstitial_markings": interstitial_markings,
    "consolidation": consolidation,
    "nodule": nodule,
    "linear_atelectasis": linear_atelectasis,
    "pleural_effusion": pleural_effusion,
    "calcified_granuloma": calcified_granuloma,
    "tortuous_aorta": tortuous_aorta,
    "sternotomy_wires": sternotomy_wires,
    "pacemaker": pacemaker,
}
"""Drawn in this order: air first, then what lies in the lung, then what lies before it."""
