"""A worked explanation as a row of bars: what spoke for the decision, and what against it."""

import base64
from dataclasses import dataclass

from pipelines.report.input import Explanation, ReportInput
from pipelines.report.map_view import MapView, map_views
from pipelines.report.tracks import Bar, bar
from pipelines.report.wording import count, number, plain, signed

SHOWN = 8
"""Contributions drawn one by one; the rest is drawn as one sum."""


@dataclass(frozen=True, slots=True)
class ContributionView:
    """One bar."""

    question: str
    bar: Bar
    score: str
    usual: str
    weight: str
    value: str


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """One image with its bars; `image` is a data URI, or empty, and so is `other` with many classes."""

    caption: str
    split: str
    domain: str
    truth: str
    predicted: str
    other: str
    probability: str
    correct: bool | None
    image: str
    bars: tuple[ContributionView, ...]
    total: str
    maps: tuple[MapView, ...]


def explanation_views(report: ReportInput) -> list[ExplanationView]:
    """In the order given."""
    questions = {concept.id: concept.question for concept in report.bank.concepts}
    return [
        explanation_view(explanation, questions, map_views(report, explanation))
        for explanation in report.explanations
    ]


def explanation_view(
    explanation: Explanation, questions: dict[str, str], maps: tuple[MapView, ...]
) -> ExplanationView:
    """The largest contributions, then the sum of the others."""
    ranked = sorted(explanation.contributions, key=lambda c: (-abs(c.value), c.concept_id))
    shown, rest = ranked[:SHOWN], ranked[SHOWN:]
    remainder = sum(c.value for c in rest)
    largest = max((abs(value) for value in [*(c.value for c in shown), remainder]), default=0.0)
    bars = [
        ContributionView(
            questions.get(c.concept_id, c.concept_id),
            bar(c.value, largest),
            number(c.score, digits=2),
            number(c.usual, digits=2),
            signed(c.weight, digits=2),
            signed(c.value, digits=2),
        )
        for c in shown
    ]
    if rest:
        label = f"{count(len(rest), 'other concept')} together"
        bars.append(ContributionView(label, bar(remainder, largest), "", "", "", signed(remainder, digits=2)))
    return ExplanationView(
        caption=explanation.caption,
        split=explanation.split,
        domain=plain(explanation.domain),
        truth=plain(explanation.truth),
        predicted=plain(explanation.predicted),
        other=plain(explanation.other),
        probability=number(explanation.probability, digits=2),
        correct=explanation.truth == explanation.predicted if explanation.truth else None,
        image=data_uri(explanation.image),
        bars=tuple(bars),
        total=signed(sum(c.value for c in explanation.contributions), digits=2),
        maps=maps,
    )


def data_uri(png: bytes | None) -> str:
    """The picture inside the page itself, so that the report stays one file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}" if png else ""
