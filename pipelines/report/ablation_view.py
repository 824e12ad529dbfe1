"""Which concepts carry KnoBo's decisions: how accuracy changes when each no longer tells anything."""

from dataclasses import dataclass

from models.what_if.ablation import ALL, Ablation
from pipelines.report.index import MEAN
from pipelines.report.input import ReportInput
from pipelines.report.method_table import Cell
from pipelines.report.tracks import Dot, Scale, Tick, Track, dot, symmetric_scale
from pipelines.report.wording import ABSENT, number, signed, signed_interval
from pipelines.what_if.ablation import AblatedConcept, largest, of_scope

SHOWN = 10
"""Concepts drawn; the numbers of all others are folded."""
STEP = 0.02


@dataclass(frozen=True, slots=True)
class AblatedView:
    """One concept at its training mean."""

    question: str
    track: Track
    in_domain: Cell
    shifted: Cell
    flipped: str


@dataclass(frozen=True, slots=True)
class AblationView:
    """The concepts with the largest changes on one scale; `rest` is without drawing.

    Attributes:
        scope: `mean over the splits`, or the name of the only one.
        everything: All concepts at their mean.
        rows, rest: What loses most first.
        ticks, zero: Of the drawing.
    """

    scope: str
    everything: AblatedView
    rows: tuple[AblatedView, ...]
    rest: tuple[AblatedView, ...]
    ticks: tuple[Tick, ...]
    zero: str


def ablation_view(report: ReportInput) -> AblationView | None:
    """None where nothing was ablated."""
    if not report.ablation:
        return None
    questions = {concept.id: concept.question for concept in report.bank.concepts}
    scope, concepts = of_scope(report.ablation)
    shown = [each for each in largest(concepts, SHOWN) if each.concept_id != ALL]
    drawn = [row for each in shown for row in (each.in_domain, each.shifted) if row]
    scale = symmetric_scale([end for row in drawn for end in (row.difference, row.low, row.high)], step=STEP)
    views = {each.concept_id: ablated_view(each, questions, scale) for each in concepts}
    names = {each.concept_id for each in shown} | {ALL}
    return AblationView(
        scope="mean over the splits" if scope == MEAN else scope,
        everything=views[ALL],
        rows=tuple(views[each.concept_id] for each in shown),
        rest=tuple(views[each.concept_id] for each in concepts if each.concept_id not in names),
        ticks=scale.ticks((scale.low, scale.low / 2, 0, scale.high / 2, scale.high), form="{:+g}"),
        zero=scale.percent(0),
    )


def ablated_view(each: AblatedConcept, questions: dict[str, str], scale: Scale) -> AblatedView:
    """One line."""
    return AblatedView(
        question=questions.get(each.concept_id, each.concept_id),
        track=Track(ablation_dot(scale, each.in_domain), ablation_dot(scale, each.shifted)),
        in_domain=ablation_cell(each.in_domain),
        shifted=ablation_cell(each.shifted),
        flipped=f"{number(100 * each.flipped, digits=1)} %",
    )


def ablation_dot(scale: Scale, row: Ablation | None) -> Dot | None:
    """Of a change."""
    return None if row is None else dot(scale, row.difference, row.low, row.high)


def ablation_cell(row: Ablation | None) -> Cell:
    """An empty place is a dash."""
    if row is None:
        return Cell(ABSENT)
    return Cell(signed(row.difference), signed_interval(row.low, row.high))
