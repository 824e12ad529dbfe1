"""Accuracy of a finished run's KnoBo against the number of concepts answered truly."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.what_if.interventions import (
    POLICIES,
    AnsweredImages,
    CurveSettings,
    InterventionCurve,
    Levels,
    Random,
    answers_of_others,
    intervention_curve,
)
from models.what_if.split_heads import DomainImages, SplitHeads
from pipelines.errors import PipelineError
from pipelines.status import open_finished
from pipelines.what_if.heads import open_heads
from pipelines.what_if.level_names import LevelName
from pipelines.what_if.levels import WORDS, levels_of
from pipelines.what_if.naming import ConceptNames
from pipelines.what_if.truth import known_answers

OTHERS = "answers of other images"
"""A control in random order: each image with the answers of another image."""
FEWEST = 10  # images with an answer, below which a curve says nothing


@dataclass(frozen=True)
class DomainCurve:
    """One curve and where it was drawn."""

    split: str
    domain: str
    curve: InterventionCurve


@dataclass(frozen=True)
class CurveReport:
    """Curves of all splits with known answers.

    Attributes:
        curves: By split, domain and policy.
        missing: A sentence for each domain without enough answers.
        levels: What a yes and a no were set to, in words.
    """

    curves: tuple[DomainCurve, ...]
    missing: tuple[str, ...]
    levels: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def draw_curves(
    directory: Path,
    *,
    split: str | None = None,
    policies: Sequence[str] = tuple(POLICIES),
    most: int | None = None,
    levels: LevelName = LevelName.MATCHED,
) -> CurveReport:
    """Curves on the reported images of one split or of all.

    Raises:
        PipelineError: An unknown policy, or no image has a report or an expert's answer.
    """
    unknown = [name for name in policies if name not in POLICIES]
    if unknown:
        raise PipelineError(f"there is no policy {unknown[0]!r}; choose from {', '.join(POLICIES)}")
    run = open_finished(directory)
    opened = open_heads(run, split)
    concepts = list(ConceptNames.of(run, opened[0].scores.columns).bank)
    ids = sorted({image for each in opened for domain in each.domains() for image in domain.ids})
    answers = dict(zip(ids, known_answers(run, ids, concepts), strict=True))
    settings = CurveSettings(most=most, replicates=run.config.audit.replicates, seed=run.config.seed)
    curves: list[DomainCurve] = []
    missing: list[str] = []
    for heads in opened:
        stands_for = levels_of(run, heads, levels)
        for domain in heads.domains():
            images = answered(domain, answers)
            if len(images.labels) < FEWEST:
                missing.append(too_few(heads, domain, len(images.labels)))
                continue
            if len(np.unique(images.labels)) < len(heads.split.classes):
                missing.append(one_sided(heads, domain))
                continue
            found = curves_of(heads, images, policies, levels=stands_for, settings=settings)
            curves += [DomainCurve(heads.split.name, domain.domain, curve) for curve in found]
    if not curves:
        raise PipelineError(missing[0])
    return CurveReport(tuple(curves), tuple(missing), WORDS[levels])


def answered(
    domain: DomainImages, answers: dict[str, np.ndarray[Any, np.dtype[np.float32]]]
) -> AnsweredImages:
    """The images of a domain that have an answer to some concept."""
    table = np.stack([answers[image] for image in domain.ids])
    rows = np.flatnonzero(~np.isnan(table).all(axis=1))
    return AnsweredImages(
        scores=domain.scores[rows],
        answers=table[rows],
        labels=domain.labels[rows],
        units=tuple(domain.units[row] for row in rows),
    )


def curves_of(
    heads: SplitHeads,
    images: AnsweredImages,
    policies: Sequence[str],
    *,
    levels: Levels,
    settings: CurveSettings,
) -> Iterator[InterventionCurve]:
    """One a policy, then the control."""
    for name in policies:
        yield intervention_curve(heads.heads, images, policy=POLICIES[name], levels=levels, settings=settings)
    others = answers_of_others(images, seed=settings.seed)
    control = intervention_curve(heads.heads, others, policy=Random(), levels=levels, settings=settings)
    yield replace(control, policy=OTHERS)


def one_sided(heads: SplitHeads, domain: DomainImages) -> str:
    """That a curve would only tell how far answers pull to one class."""
    return (
        f"the {domain.domain} images of {heads.split.name} with a report or an expert's answer miss a class; "
        "give answers for images of every class"
    )


def too_few(heads: SplitHeads, domain: DomainImages, number: int) -> str:
    """What is missing, in one sentence."""
    return (
        f"{number} of {len(domain.ids)} {domain.domain} images of {heads.split.name} have a report or an "
        "expert's answer; give their data sets `report` or `expert_columns`, read for this curve only"
    )
