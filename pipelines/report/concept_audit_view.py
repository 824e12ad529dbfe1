"""What the concepts do across domains: which leak, which can be trusted, and what the classifier rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.concept_audit import Deletion, Leak
from pipelines.report.concept_audit_tables import TABLES
from pipelines.report.input import ReportInput
from pipelines.report.methods import spoken
from pipelines.report.plain_table import MOST, PlainTable, maybe
from pipelines.report.plot import Plot, PlotLine, plot_line, ticks_across, ticks_up
from pipelines.report.tracks import UNIT, Dot, Scale, dot
from pipelines.report.wording import ABSENT, DOMAINS, count, interval, number, plain, signed

CHANCE = 0.05
"""Of rows that do not move, as many are marked: what a 95 % interval leaves out."""
FIRST = 15
"""Leaks shown with a drawing."""
ORDERS = {"largest": "loudest first", "smallest": "quietest first", "random": "at random"}


@dataclass(frozen=True, slots=True)
class LeakView:
    """How far one concept's score moves with one value of an attribute; `of` marks which row it is."""

    question: str
    split: str
    attribute: str
    auroc: str
    interval: str
    track: Dot | None
    leaking: bool
    signal: str
    answers: str
    given: str
    push: str
    push_class: str
    images: str
    of: str


@dataclass(frozen=True, slots=True)
class DeletionPanel:
    """Accuracy over the number of concepts taken away."""

    title: str
    plot: Plot
    words: str


@dataclass(frozen=True, slots=True)
class ConceptAuditView:
    """The section.

    Attributes:
        leading: A sentence on the concept that leaks most.
        first, rest: Leaks, the strongest first.
        left: Leaks that are not shown.
        deletions: By split and domain.
        tables: Everything else, each folded.
        notes: Sentences a reader must know.
    """

    leading: str
    first: tuple[LeakView, ...]
    rest: tuple[LeakView, ...]
    left: int
    deletions: tuple[DeletionPanel, ...]
    tables: tuple[PlainTable, ...]
    notes: tuple[str, ...]


def concept_audit_view(report: ReportInput) -> ConceptAuditView | None:
    """None where the concepts were not looked at."""
    audit = report.concept_audit
    if audit is None:
        return None
    questions = {concept.id: concept.question for concept in report.bank.concepts}
    leaks = [leak_view(each, questions) for each in audit.leaks[: FIRST + MOST]]
    tables = (table for build in TABLES if (table := build(audit, questions)).rows)
    return ConceptAuditView(
        leading_sentence(audit.leaks, questions),
        tuple(leaks[:FIRST]),
        tuple(leaks[FIRST:]),
        max(len(audit.leaks) - FIRST - MOST, 0),
        deletion_panels(audit.deletions),
        tuple(tables),
        tuple(spoken(note) for note in audit.notes),
    )


def leading_sentence(leaks: Sequence[Leak], questions: Mapping[str, str]) -> str:
    """Names the concept that moves most with an attribute, or says that none is shown to move."""
    leaking = [each for each in leaks if each.leaking]
    if not leaks:
        return ""
    if not leaking:
        return "No concept's score is shown to move with an attribute among images of the same class."
    first = leaking[0]
    return (
        f"The score of “{questions.get(first.concept_id, first.concept_id)}” moves most: it tells "
        f"{value_name(first)} among images of the same class on {first.split} with an AUROC of "
        f"{number(first.auroc, digits=2)} ({interval(first.low, first.high, digits=2)}). {marked(leaks)}"
    )


def marked(leaks: Sequence[Leak]) -> str:
    """How many rows are marked, and how many would be if no concept moved."""
    leaking = [each for each in leaks if each.leaking]
    moved, looked_at = (len({each.concept_id for each in some}) for some in (leaking, leaks))
    return (
        f"Of {count(len(leaks), 'row')}, one for each concept, value of an attribute and split, "
        f"{len(leaking):,} {'is' if len(leaking) == 1 else 'are'} marked, with {moved:,} of "
        f"{count(looked_at, 'concept')} among them; by chance alone about "
        f"{number(CHANCE * len(leaks), digits=1)} would be."
    )


def value_name(leak: Leak) -> str:
    """`exposure: bright`."""
    return f"{plain(leak.attribute)}: {leak.value}"


def leak_view(leak: Leak, questions: Mapping[str, str]) -> LeakView:
    """One line."""
    return LeakView(
        questions.get(leak.concept_id, leak.concept_id),
        leak.split,
        value_name(leak),
        number(leak.auroc),
        interval(leak.low, leak.high),
        dot(UNIT, leak.auroc, leak.low, leak.high),
        leak.leaking,
        maybe(leak.signal),
        maybe(leak.answer_auroc),
        maybe(leak.given_answer),
        ABSENT if leak.push is None else signed(leak.push, digits=2),
        plain(leak.push_class),
        f"{leak.n:,}",
        leak_mark(leak),
    )


def leak_mark(leak: Leak) -> str:
    """By which a row is found again in `concept_audit.json`."""
    return f"leaks|{leak.split}|{leak.concept_id}|{leak.attribute}|{leak.value}"


def deletion_panels(deletions: Sequence[Deletion]) -> tuple[DeletionPanel, ...]:
    """Shifted images first, for they are what a reader asks of."""
    found = []
    for split in dict.fromkeys(each.split for each in deletions):
        for domain in ("shifted", "in_domain"):
            mine = [each for each in deletions if (each.split, each.domain) == (split, domain)]
            if mine:
                found.append(deletion_panel(mine, f"{split}, {DOMAINS[domain]}"))
    return tuple(found)


def deletion_panel(mine: Sequence[Deletion], title: str) -> DeletionPanel:
    """One domain of one split."""
    width = Scale(0.0, max(1.0, *(float(each.removed[-1]) for each in mine)))
    lines: list[PlotLine] = [
        plot_line(
            f"order-{each.order}",
            ORDERS.get(each.order, plain(each.order)),
            [float(place) for place in each.removed],
            each.accuracy,
            width=width,
            height=UNIT,
            marked=True,
        )
        for each in mine
    ]
    words = "; ".join(
        f"{line.label}: from {number(each.accuracy[0], digits=2)} to {number(each.accuracy[-1], digits=2)}"
        for line, each in zip(lines, mine, strict=True)
    )
    across = sorted({0, *mine[0].removed[:: max(1, len(mine[0].removed) // 4)], mine[0].removed[-1]})
    plot = Plot(tuple(lines), ticks_across(width, across), ticks_up(UNIT, (0, 0.25, 0.5, 0.75, 1)))
    return DeletionPanel(title, plot, f"Accuracy on {title} as concepts are taken away. {words}")
