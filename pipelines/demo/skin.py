"""Dermoscopy phantoms: a pigmented spot on skin with up to fourteen findings."""

import numpy as np
from numpy.typing import NDArray

from pipelines.demo import skin_lesion
from pipelines.demo.cases import AttributeKind, Case, FindingKind, Subject
from pipelines.demo.raster import SIDE, make_grid, stream
from pipelines.demo.skin_structures import STRUCTURES

SKIN = Subject(
    name="skin",
    classes=("benign", "malignant"),
    baseline=-1.5,
    findings=(
        FindingKind("asymmetry", 0.4, 0.04, 2.1),
        FindingKind("irregular_border", 0.36, 0.04, 2.1),
        FindingKind("multiple_colours", 0.34, 0.03, 2.1),
        FindingKind("atypical_network", 0.28, 0.02, 2.5),
        FindingKind("irregular_globules", 0.28, 0.02, 2.5),
        FindingKind("streaks", 0.24, 0.01, 2.8),
        FindingKind("blue_white_veil", 0.24, 0.0, 3.5),
        FindingKind("regression", 0.22, 0.01, 2.8),
        FindingKind("vessels", 0.22, 0.02, 2.5),
        FindingKind("ulceration", 0.2, 0.0, 3.2),
        FindingKind("scale", 0.2, 0.03, 2.1),
        FindingKind("typical_network", 0.06, 0.34, -2.1),
        FindingKind("milia_like_cysts", 0.05, 0.28, -2.1),
        FindingKind("comedo_like_openings", 0.04, 0.24, -2.1),
    ),
    attributes=(
        AttributeKind("ruler", ("absent", "present"), of_patient=False),
        AttributeKind("dark_corner", ("absent", "present"), of_patient=False),
        AttributeKind("skin_tone", ("light", "dark"), of_patient=True),
    ),
    exclusive=(("atypical_network", "typical_network"),),
)


def draw_skin(case: Case) -> NDArray[np.uint8]:
    """The dermoscopy image of one case, (SIDE, SIDE, 3) uint8."""
    rng = stream(case.image_seed, "pose")
    shift = (float(rng.normal(0.0, 0.07)), float(rng.normal(0.0, 0.07)))
    grid = make_grid(turn=float(rng.uniform(0.0, 6.3)), shift=shift)
    lesion = skin_lesion.make_lesion(case, grid)
    colour = skin_lesion.absorb(skin_lesion.skin_surface(case), *skin_lesion.pigment(case, lesion))
    for name, draw in STRUCTURES.items():
        if name in case.findings:
            colour = draw(colour, case.findings[name], lesion)
    colour = skin_lesion.blend(colour, (0.12, 0.08, 0.06), skin_lesion.hairs(case))
    if case.attributes["ruler"] == "present":
        strip, ticks = skin_lesion.ruler(case)
        colour = skin_lesion.blend(colour, (0.86, 0.88, 0.86), strip)
        colour = skin_lesion.blend(colour, (0.08, 0.08, 0.1), ticks)
    return _photograph(case, colour)


def _photograph(case: Case, colour: skin_lesion.Colour) -> NDArray[np.uint8]:
    rng = stream(case.image_seed, "camera")
    cast = rng.uniform(0.96, 1.04, 3).astype(np.float32)
    grain = 0.012 * rng.standard_normal((SIDE, SIDE, 1), dtype=np.float32)
    lit = colour * cast * skin_lesion.light(case)[:, :, None] + grain
    return (np.clip(lit, 0.0, 1.0) * 255.0).astype(np.uint8)
