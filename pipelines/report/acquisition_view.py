"""How the images were taken: what was erased of it, what that does, and which concepts leaned on it."""

from dataclasses import dataclass

from models.acquisition.cell_quality import CellQuality, ConceptCells
from models.acquisition.erasure import Erased
from pipelines.report.choice_view import ChoicePanel, choice_panels
from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.input import Acquisition, GrounderQuality, ReportInput
from pipelines.report.method_table import MethodRow, method_row
from pipelines.report.reading import HIGHER, LOWER, UNCLEAR, difference, reading, reversed_test
from pipelines.report.wording import count, interval, listed, number, plain

FALLEN = 15
"""Concepts shown of those that lose most in their worst cell."""
GUESSING = 0.5
ARMS = (
    "knobo",
    "knobo_erased",
    "knobo_balanced",
    "knobo_erased_random",
    "prior_only_erased",
    "linear_probe_erased",
)

UNSHOWN = "No difference from KnoBo can be shown under shift: {}."
CHANGED = {LOWER: "Does better than KnoBo under shift: {}.", HIGHER: "Does worse than KnoBo under shift: {}."}
SAID = {
    "knobo_erased_random": {
        LOWER: "Erasing what means nothing adds {} under shift: not all that erasing adds is of acquisition.",
        HIGHER: "Erasing what means nothing costs KnoBo under shift: {}.",
        UNCLEAR: "Erasing what means nothing is not shown to change KnoBo under shift: {}.",
    },
    "prior_only_erased": {
        LOWER: "The signs alone, on erased features, do better than KnoBo on plain ones under shift: {}.",
        HIGHER: "The signs alone, on erased features, do worse than KnoBo on plain ones under shift: {}.",
    },
}
"""What an arm shows by how KnoBo reads against it: `LOWER` where the arm does better."""


@dataclass(frozen=True, slots=True)
class ErasedView:
    """One attribute that was taken out."""

    name: str
    levels: str
    images: str
    rare: str


@dataclass(frozen=True, slots=True)
class ArmView:
    """One treatment beside KnoBo, and what it shows."""

    row: MethodRow
    shows: str


@dataclass(frozen=True, slots=True)
class FallenView:
    """A concept over all images and where it does worst."""

    question: str
    overall: str
    interval: str
    cell: str
    worst: str
    worst_interval: str
    counts: str
    fall: str


@dataclass(frozen=True, slots=True)
class AcquisitionView:
    """The whole section.

    Attributes:
        scope: `mean over the splits`, or the name of the only one.
        names: The attributes in one phrase.
        images: That the eraser was fitted on.
        erased, arms: In the order of the run.
        fallen: The concepts that fall most first.
        lost: A sentence on all concepts; empty where none was measured in a cell.
        panels: Accuracy by number of concepts.
    """

    scope: str
    names: str
    images: str
    erased: tuple[ErasedView, ...]
    arms: tuple[ArmView, ...]
    fallen: tuple[FallenView, ...]
    lost: str
    panels: tuple[ChoicePanel, ...]


def acquisition_view(report: ReportInput, index: AuditIndex) -> AcquisitionView | None:
    """None where no acquisition attribute is named."""
    found = report.acquisition
    if found is None:
        return None
    measured = index.measured(index.scope, index.metric)
    questions = {concept.id: concept.question for concept in report.bank.concepts}
    pairs = cells_beside_all(report.quality, found)
    return AcquisitionView(
        scope="mean over the splits" if index.scope == MEAN else f"split {index.scope}",
        names=listed([plain(each.name) for each in found.erased]),
        images=count(found.images, "grounding image"),
        erased=tuple(erased_view(each) for each in found.erased),
        arms=tuple(arm_view(index, arm) for arm in ARMS if arm in measured),
        fallen=tuple(fallen_view(*pair, questions) for pair in pairs[:FALLEN]),
        lost=lost_sentence(pairs),
        panels=choice_panels(found.choice.choices),
    )


def erased_view(each: Erased) -> ErasedView:
    """One line."""
    return ErasedView(plain(each.name), ", ".join(each.levels), f"{each.images:,}", ", ".join(each.rare))


def arm_view(index: AuditIndex, arm: str) -> ArmView:
    """One line; what stands beside it is said of the headline's metric."""
    return ArmView(method_row(index, index.scope, arm, index.metric), shows(index, arm))


def shows(index: AuditIndex, arm: str) -> str:
    """One sentence on one of the arms, none stronger than its interval."""
    if arm == "knobo":
        return "On the features as they are."
    if arm == "linear_probe_erased":
        return probe_moves(index)
    test = index.test("knobo", arm, index.scope, "shifted", index.metric)
    if test is None:
        return ""
    said = SAID.get(arm, CHANGED).get(reading(test), UNSHOWN)
    return said.format(difference(reversed_test(test)))


def probe_moves(index: AuditIndex) -> str:
    """What erasing does without concepts; the two probes were not compared image by image."""
    before, after = (index.headline_row(m, "shifted") for m in ("linear_probe", "linear_probe_erased"))
    if before is None or after is None:
        return "What erasing does without concepts."
    ends = " to ".join(number(row.value, digits=2) for row in (before, after))
    return f"What erasing does without concepts: the probe goes from {ends} under shift."


def cells_beside_all(
    quality: tuple[GrounderQuality, ...], found: Acquisition
) -> list[tuple[GrounderQuality, ConceptCells, CellQuality]]:
    """Each concept with its worst cell, those that fall most first."""
    known = {each.concept_id: each for each in quality}
    pairs = [
        (known[each.concept_id], each, worst)
        for each in found.choice.cells
        if (worst := each.worst) is not None and each.concept_id in known
    ]
    return sorted(pairs, key=lambda pair: (pair[2].auroc - pair[0].auroc, pair[0].concept_id))


def fallen_view(
    overall: GrounderQuality, concept: ConceptCells, worst: CellQuality, questions: dict[str, str]
) -> FallenView:
    """One line."""
    return FallenView(
        question=questions.get(concept.concept_id, concept.concept_id),
        overall=number(overall.auroc, digits=2),
        interval=interval(overall.low, overall.high, digits=2),
        cell=f"{plain(worst.attribute)} {worst.level}",
        worst=number(worst.auroc, digits=2),
        worst_interval=interval(worst.auroc_low, worst.auroc_high, digits=2),
        counts=f"{worst.n_yes:,} yes, {worst.n_no:,} no",
        fall=number(worst.auroc - overall.auroc, digits=2),
    )


def lost_sentence(pairs: list[tuple[GrounderQuality, ConceptCells, CellQuality]]) -> str:
    """How many are seen over all images and not shown to be seen in some cell."""
    if not pairs:
        return ""
    seen = [worst for overall, _, worst in pairs if overall.low > GUESSING]
    lost = sum(worst.auroc_low <= GUESSING for worst in seen)
    return (
        f"Of {count(len(seen), 'concept')} seen better than by guessing over all images, {lost:,} "
        f"{'is' if lost == 1 else 'are'} not shown to be in the worst cell."
    )
