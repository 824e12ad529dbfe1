"""Chest X-ray phantoms: a schematic frontal radiograph with up to fourteen findings."""

import numpy as np
from numpy.typing import NDArray

from pipelines.demo import chest_anatomy as anatomy
from pipelines.demo.cases import AttributeKind, Case, FindingKind, Subject
from pipelines.demo.chest_findings import apply_overlays
from pipelines.demo.chest_thorax import altered_thorax, make_regions, normal_thorax
from pipelines.demo.raster import SIDE, Grid, Plane, Stroke, make_grid, paint, screen, smooth_noise, stream

CHEST = Subject(
    name="chest",
    classes=("normal", "abnormal"),
    baseline=-2.5,
    findings=(
        FindingKind("enlarged_heart", 0.28, 0.01, 3.6),
        FindingKind("pleural_effusion", 0.26, 0.0, 4.8, ("lower",)),
        FindingKind("pneumothorax", 0.22, 0.0, 4.8, ("upper",)),
        FindingKind("consolidation", 0.26, 0.0, 4.8, left=0.4),
        FindingKind("nodule", 0.24, 0.01, 4.0),
        FindingKind("interstitial_markings", 0.26, 0.01, 4.0, ("lower",)),
        FindingKind("linear_atelectasis", 0.26, 0.03, 2.8, ("lower",)),
        FindingKind("hyperinflation", 0.24, 0.01, 3.6),
        FindingKind("calcified_granuloma", 0.24, 0.04, 2.4),
        FindingKind("tortuous_aorta", 0.24, 0.03, 2.8),
        FindingKind("sternotomy_wires", 0.22, 0.01, 3.2),
        FindingKind("pacemaker", 0.22, 0.01, 3.2, ("upper",), 0.85),
        FindingKind("elevated_hemidiaphragm", 0.22, 0.02, 3.2, ("lower",), 0.3),
        FindingKind("hilar_enlargement", 0.22, 0.01, 3.6, ("mid",)),
    ),
    attributes=(
        AttributeKind("marker", ("absent", "present"), of_patient=False),
        AttributeKind("exposure", ("dark", "bright"), of_patient=False),
        AttributeKind("sex", ("F", "M"), of_patient=True),
    ),
    exclusive=(("hyperinflation", "elevated_hemidiaphragm"),),
)


def draw_chest(case: Case) -> NDArray[np.uint8]:
    """The radiograph of one case, (SIDE, SIDE) uint8, air black and bone white."""
    grid = _pose(case.image_seed)
    female = case.attributes["sex"] == "F"
    person = case.person_seed
    thorax = altered_thorax(normal_thorax(person, female=female), dict(case.findings))
    regions = make_regions(grid, thorax)
    lung = anatomy.vessels(regions, thorax, person)
    depth = 0.36 * thorax.aeration * regions.lungs * (0.8 + 0.2 * np.clip(regions.wall / 0.2, 0.0, 1.0))
    centre = anatomy.mediastinum(regions, thorax)
    lung, depth, added = apply_overlays(case, regions, thorax, lung, depth.astype(np.float32))
    fixed = anatomy.body(regions, thorax, person) + anatomy.ribs(regions, thorax, person)
    fixed += anatomy.skeleton(regions, person) + anatomy.stomach(regions, thorax, person)
    return _expose(case, fixed - depth + lung + centre + added)


def _pose(seed: int) -> Grid:
    rng = stream(seed, "pose")
    shift = (float(rng.normal(0.0, 0.025)), float(rng.normal(0.0, 0.025)))
    return make_grid(scale=float(rng.uniform(0.95, 1.05)), turn=float(rng.normal(0.0, 0.02)), shift=shift)


def _expose(case: Case, attenuation: Plane) -> NDArray[np.uint8]:
    rng = stream(case.image_seed, "film")
    bright = case.attributes["exposure"] == "bright"
    gamma, lift = (0.72, 0.06) if bright else (1.25, 0.0)
    dose = rng.uniform(0.94, 1.06)
    tone = lift + dose * np.power(np.clip(attenuation, 0.0, None), gamma + rng.normal(0.0, 0.03))
    tone = np.where(tone > 0.7, 0.7 + 0.3 * np.tanh((tone - 0.7) / 0.3), tone)
    grain = rng.standard_normal((SIDE, SIDE), dtype=np.float32) * (0.01 + 0.01 * np.clip(tone, 0.0, 1.0))
    vignette = 1.0 - rng.uniform(0.02, 0.1) * (screen().x ** 2 + screen().y ** 2)
    film = (tone + grain + 0.012 * smooth_noise(rng, 4)) * vignette
    if case.attributes["marker"] == "present":
        letter = _marker(rng)
        film = film * (1.0 - letter) + 0.97 * letter
    return np.asarray(np.clip(film, 0.0, 1.0) * 255.0, dtype=np.uint8)


def _marker(rng: np.random.Generator) -> Plane:
    """A lead letter at an upper corner, L on the patient's left, R on the right, over somebody's initials."""
    left = rng.random() < 0.7
    x, y = (0.76 if left else -0.92) + rng.normal(0.0, 0.02), -0.9 + rng.normal(0.0, 0.02)
    w, h = 0.13, 0.2
    stem = Stroke([(x, y), (x, y + h)], 5.5)
    foot = Stroke([(x - 0.02, y + h), (x + w, y + h)], 5.5)
    bowl = Stroke([(x, y), (x + w, y), (x + w, y + h / 2), (x, y + h / 2), (x + w, y + h)], 5.0)
    corners = np.array([(0.0, 0.0), (0.04, 0.0), (0.0, 0.07), (0.04, 0.07), (0.02, 0.035)])
    shifts = [np.array([x + 0.065 * i, y + h + 0.07]) for i in range(3)]
    initials = [Stroke((rng.permutation(corners)[:4] + shift).tolist(), 2.2) for shift in shifts]
    return paint(screen(), [stem, foot if left else bowl, *initials])
