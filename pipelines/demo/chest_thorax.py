"""The shape of a demo chest: its measures, how findings change them, and the outlines that follow."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.demo.cases import Placement
from pipelines.demo.raster import Grid, Plane, plane, step, stream

RIGHT, LEFT = -1.0, 1.0
"""Signs of x: the patient's right is on the left of the picture."""

SIGN = {"right": RIGHT, "left": LEFT}
ROW = {"upper": -0.38, "mid": -0.06, "lower": 0.2}


@dataclass(frozen=True, slots=True)
class Thorax:
    """Shape of one chest in picture units (half a picture is 1).

    Attributes:
        apex: Height of the lung tops (y grows downwards).
        width: Half width of the rib cage at its widest.
        domes: Height of the right and the left diaphragm dome.
        curve: How far the diaphragm falls from dome to lateral wall.
        heart: Half width of the heart.
        hilum: Size of the hila.
        knob: How far the aortic knob stands out from the midline.
        spacing: Distance between ribs.
        ribs: How dense the ribs are.
        aeration: How dark the lungs are.
        breast: Size of the breast shadows; 0 for none.
    """

    apex: float
    width: float
    domes: tuple[float, float]
    curve: float
    heart: float
    hilum: float
    knob: float
    spacing: float
    ribs: float
    aeration: float
    breast: float

    def dome(self, side: float) -> float:
        """Height of the diaphragm on one side."""
        return self.domes[int(side > 0)]


def normal_thorax(seed: int, *, female: bool) -> Thorax:
    """A healthy chest of one person."""
    rng = stream(seed, "thorax")
    dome = rng.uniform(0.33, 0.42)
    return Thorax(
        apex=rng.uniform(-0.84, -0.77),
        width=rng.uniform(0.7, 0.76),
        domes=(dome, dome + rng.uniform(0.02, 0.06)),
        curve=rng.uniform(0.15, 0.2),
        heart=rng.uniform(0.27, 0.31),
        hilum=rng.uniform(0.9, 1.05),
        knob=rng.uniform(0.14, 0.17),
        spacing=rng.uniform(0.155, 0.175),
        ribs=rng.uniform(0.09, 0.14),
        aeration=rng.uniform(0.95, 1.05),
        breast=rng.uniform(0.3, 0.38) if female else 0.0,
    )


def altered_thorax(thorax: Thorax, findings: dict[str, Placement]) -> Thorax:
    """The chest with the findings that change its shape."""
    extent = {name: placement.extent for name, placement in findings.items()}
    right, left = thorax.domes
    if "hyperinflation" in findings:
        drop = 0.13 + 0.05 * extent["hyperinflation"]
        thorax = replace(
            thorax,
            curve=0.07 - 0.05 * extent["hyperinflation"],
            apex=thorax.apex - 0.04,
            heart=thorax.heart * 0.8,
            aeration=thorax.aeration + 0.12,
            spacing=thorax.spacing * 1.12,
        )
        right, left = right + drop, left + drop
    if "elevated_hemidiaphragm" in findings:
        rise = 0.17 + 0.12 * extent["elevated_hemidiaphragm"]
        on_left = findings["elevated_hemidiaphragm"].side == "left"
        right, left = (right, left - rise) if on_left else (right - rise, left)
    if "enlarged_heart" in findings:
        thorax = replace(thorax, heart=thorax.heart + 0.13 + 0.12 * extent["enlarged_heart"])
    if "hilar_enlargement" in findings:
        thorax = replace(thorax, hilum=1.7 + 0.6 * extent["hilar_enlargement"])
    if "tortuous_aorta" in findings:
        thorax = replace(thorax, knob=0.24 + 0.07 * extent["tortuous_aorta"])
    return replace(thorax, domes=(right, left))


@dataclass(frozen=True, slots=True)
class Regions:
    """Planes that several drawing steps share.

    Attributes:
        grid: Subject coordinates.
        across: Distance from the midline as a share of the lung's outer border there; negative on the right.
        wall: Distance to the outer border of the lung, positive inside.
        floor: Distance above the diaphragm.
        lungs: 1 in lung, 0 elsewhere.
        cage: 1 inside the rib cage, diaphragm or not.
    """

    grid: Grid
    across: Plane
    wall: Plane
    floor: Plane
    lungs: Plane
    cage: Plane


def half_width(thorax: Thorax, y: Plane) -> Plane:
    """Outer border of the lungs at each height, from the midline."""
    q = np.clip((0.28 - y) / (0.28 - thorax.apex), 0.0, 1.0)
    return plane(thorax.width * np.sqrt(np.maximum(1.0 - q**2.7, 0.0)))


def make_regions(grid: Grid, thorax: Thorax) -> Regions:
    """Outlines of the lungs."""
    column = grid.y
    width = half_width(thorax, column)
    size = np.abs(grid.x)
    wall = width - size
    q = np.clip((0.1 - column) / (0.1 - thorax.apex), 0.0, 1.0)
    medial = size - (0.07 + 0.17 * q**7)
    dome = thorax.domes[0] + (thorax.domes[1] - thorax.domes[0]) * step(grid.x, 0.12)
    fall = thorax.curve * np.minimum(np.abs((size - 0.34) / 0.36), 1.06) ** 2.2
    floor = (dome + fall - column).astype(np.float32)
    cage = step(wall, 0.02)
    lungs = cage * step(medial, 0.03) * step(floor, 0.016)
    across = grid.x / np.maximum(width, 0.05)
    return Regions(grid, across.astype(np.float32), wall, floor, lungs.astype(np.float32), cage)
