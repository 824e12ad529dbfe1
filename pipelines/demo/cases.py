"""What is true of a demo image before it is drawn: findings and their places, label, attributes, patient."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pipelines.demo.raster import stream


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a finding lies and how large it is.

    Attributes:
        side: `left` or `right`, the patient's.
        zone: `upper`, `mid` or `lower`.
        extent: 0 (just visible) to 1 (large).
        seed: For the small variations of its drawing.
    """

    side: str
    zone: str
    extent: float
    seed: int


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A finding that can be drawn.

    Attributes:
        id: Name of its ground-truth column, without the prefix.
        sick: Share of sick subjects who have it.
        well: Share of well subjects who have it.
        risk: What it adds to the log odds of the second class.
        zones: Where it may lie.
        left: Share of cases on the left.
    """

    id: str
    sick: float
    well: float
    risk: float
    zones: tuple[str, ...] = ("upper", "mid", "lower")
    left: float = 0.5


@dataclass(frozen=True, slots=True)
class AttributeKind:
    """A property of the picture or the person that says nothing about the disease.

    Attributes:
        name: Its column.
        values: The two values, equally frequent.
        of_patient: Whether all images of a patient share it.
    """

    name: str
    values: tuple[str, str]
    of_patient: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What a modality can show and how it is labelled.

    Attributes:
        name: Folder and prefix of the image ids.
        classes: Name of the harmless class, name of the other.
        findings: All that can be drawn.
        attributes: The planted shortcuts.
        baseline: Log odds of the second class where nothing is found.
        exclusive: Pairs of findings of which only the first is kept where both were drawn.
    """

    name: str
    classes: tuple[str, str]
    findings: tuple[FindingKind, ...]
    attributes: tuple[AttributeKind, ...]
    baseline: float
    exclusive: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One image to be drawn.

    Attributes:
        image_id: Unique in its modality.
        patient_id: Shared by the images of a patient, never by two sets.
        set: `grounding` or `evaluation`.
        label: One of the two classes.
        findings: What is present, by finding id.
        attributes: Value by attribute name.
        person_seed: For what all images of the patient share.
        image_seed: For what is the image's own.
    """

    image_id: str
    patient_id: str
    set: str
    label: str
    findings: Mapping[str, Placement]
    attributes: Mapping[str, str]
    person_seed: int
    image_seed: int


SETS = ("grounding", "evaluation")
_SECOND_IMAGE = 0.15


def sample_cases(subject: Subject, *, seed: int, total: int) -> list[Case]:
    """Half of `total` for grounding, the rest for evaluation; more of them never changes the first ones."""
    sizes = (total // 2, total - total // 2)
    return [
        case
        for group, size in zip(SETS, sizes, strict=True)
        for case in islice(_endless(subject, group, seed=seed), size)
    ]


def _endless(subject: Subject, group: str, *, seed: int) -> Iterator[Case]:
    rng = stream(seed, f"{subject.name}/{group}")
    letter, patient, image = group[0], 0, 0
    while True:
        patient += 1
        person_seed = int(rng.integers(2**31))
        shared = {a.name: _pick(rng, a.values) for a in subject.attributes if a.of_patient}
        for _ in range(2 if rng.random() < _SECOND_IMAGE else 1):
            image += 1
            own = {a.name: _pick(rng, a.values) for a in subject.attributes if not a.of_patient}
            findings = _findings(subject, rng)
            yield Case(
                image_id=f"{subject.name}-{letter}{image:05d}",
                patient_id=f"{subject.name}-{letter}p{patient:05d}",
                set=group,
                label=_label(subject, findings, rng),
                findings=findings,
                attributes={a.name: (shared | own)[a.name] for a in subject.attributes},
                person_seed=person_seed,
                image_seed=int(rng.integers(2**31)),
            )


def _findings(subject: Subject, rng: np.random.Generator) -> dict[str, Placement]:
    sick = rng.random() < 0.5
    found = {}
    for kind in subject.findings:
        placement = Placement(
            side="left" if rng.random() < kind.left else "right",
            zone=_pick(rng, kind.zones),
            extent=float(rng.random()),
            seed=int(rng.integers(2**31)),
        )
        if rng.random() < (kind.sick if sick else kind.well):
            found[kind.id] = placement
    for kept, dropped in subject.exclusive:
        if kept in found:
            found.pop(dropped, None)
    return found


def _label(subject: Subject, findings: Mapping[str, Placement], rng: np.random.Generator) -> str:
    odds = subject.baseline + sum(kind.risk for kind in subject.findings if kind.id in findings)
    return subject.classes[int(rng.logistic() < odds)]


def _pick(rng: np.random.Generator, values: tuple[str, ...]) -> str:
    return values[int(rng.integers(len(values)))]
