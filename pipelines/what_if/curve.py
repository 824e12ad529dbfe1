"""Accuracy of a finished run's KnoBo against the number of concepts answered truly."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.status import open_finished
from pipelines.what_if.curve_report import OTHERS, CurveReport, DomainCurve
from pipelines.what_if.heads import open_heads
from pipelines.what_if.level_names import LevelName
from pipelines.what_if.levels import WORDS, levels_of
from pipelines.what_if.naming import ConceptNames
from pipelines.what_if.truth import known_answers

FEWEST = 10  # images with an answer, below which a curve says nothing


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
    found = curves_of_run(open_finished(directory), split=split, policies=policies, most=most, levels=levels)
    if not found.curves:
        raise PipelineError(found.missing[0])
    return found


def curves_of_run(
    run: Run,
    *,
    split: str | None = None,
    policies: Sequence[str] = tuple(POLICIES),
    most: int | None = None,
    levels: LevelName = LevelName.MATCHED,
    at_most: int | None = None,
) -> CurveReport:
    """Curves where there are enough answers, and sentences on the domains where there are not.

    Args:
        run: With KnoBo.
        split: One, or all if None.
        policies: Names of `POLICIES`.
        most: Interventions at most; as many as any image has answers if None.
        levels: What a yes and a no are set to.
        at_most: Images of a domain, drawn at random of those that may have answers; all if None.
    """
    opened = open_heads(run, split)
    concepts = list(ConceptNames.of(run, opened[0].scores.columns).bank)
    may_answer = images_that_may_answer(run) if at_most is not None else frozenset()
    places = [
        (heads, domain if at_most is None else drawn(domain, may_answer, most=at_most, seed=run.config.seed))
        for heads in opened
        for domain in heads.domains()
    ]
    ids = sorted({image for _, domain in places for image in domain.ids})
    answers = dict(zip(ids, known_answers(run, ids, concepts), strict=True))
    settings = CurveSettings(most=most, replicates=run.config.audit.replicates, seed=run.config.seed)
    progress = run.reporter.work("interventions", "domains")
    curves: list[DomainCurve] = []
    missing: list[str] = []
    for done, (heads, domain) in enumerate(places, start=1):
        images = answered(domain, answers)
        if len(images.labels) < FEWEST:
            missing.append(too_few(heads, domain, len(images.labels)))
        elif len(np.unique(images.labels)) < len(heads.split.classes):
            missing.append(one_sided(heads, domain))
        else:
            stands_for = levels_of(run, heads, levels)
            found = curves_of(heads, images, policies, levels=stands_for, settings=settings)
            curves += [DomainCurve(heads.split.name, domain.domain, curve) for curve in found]
        progress(done, len(places))
    return CurveReport(tuple(curves), tuple(missing), WORDS[levels])


def images_that_may_answer(run: Run) -> frozenset[str]:
    """Ids of images that have a report, or whose data set has columns of experts."""
    with_experts = {dataset.name for dataset in run.config.datasets if dataset.expert_columns}
    table = read_images(run.path("images.parquet"))
    return frozenset(
        record.id
        for record, dataset in zip(table.records, table.datasets, strict=True)
        if record.report or dataset in with_experts
    )


def drawn(domain: DomainImages, may_answer: frozenset[str], *, most: int, seed: int) -> DomainImages:
    """Some of the images that may have answers; the domain as it is where there are no more than that."""
    rows = np.array([row for row, image in enumerate(domain.ids) if image in may_answer], dtype=np.intp)
    if len(rows) <= most:
        return domain
    chosen = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return replace(
        domain,
        ids=tuple(domain.ids[row] for row in chosen),
        scores=domain.scores[chosen],
        labels=domain.labels[chosen],
        units=tuple(domain.units[row] for row in chosen),
    )


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
