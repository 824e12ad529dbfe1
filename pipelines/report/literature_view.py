"""Where the accepted concepts come from, and why the others were rejected."""

from collections import Counter
from dataclasses import dataclass

from pipelines.report.input import ReportInput
from pipelines.report.wording import plain

TESTS = ("visual", "leak_free", "new", "supported", "groundable")
SHOWN = 200
"""Rejections shown of one test; the run directory holds them all."""


@dataclass(frozen=True, slots=True)
class Source:
    """One literature source.

    Attributes:
        concepts: Accepted concepts that quote it.
        quotes: Quotations taken from it.
        retracted: Quotations from retracted articles.
        share: Of the source with most concepts, in percent, for the bar.
    """

    name: str
    concepts: int
    quotes: int
    retracted: int
    licenses: str
    share: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """One concept that a test turned down."""

    question: str
    reason: str


@dataclass(frozen=True, slots=True)
class RejectionGroup:
    """What one test turned down; `rejected` holds the first of them."""

    test: str
    total: int
    share: str
    rejected: tuple[Rejected, ...]


def sources(report: ReportInput) -> list[Source]:
    """Those quoted most come first."""
    found = {e.passage_id for concept in report.bank.concepts for e in concept.evidence} & set(
        report.passages
    )
    names = sorted({report.passages[passage_id].source for passage_id in found})
    counted = [source(report, name) for name in names]
    most = max((concepts for concepts, *_ in counted), default=1)
    views = [
        Source(name, concepts, quotes, retracted, licenses, f"{100 * concepts / most:.1f}%")
        for name, (concepts, quotes, retracted, licenses) in zip(names, counted, strict=True)
    ]
    return sorted(views, key=lambda view: (-view.concepts, view.name))


def source(report: ReportInput, name: str) -> tuple[int, int, int, str]:
    """Concepts, quotes and retracted quotes of one source, and its licences."""
    quoted = [
        [report.passages[e.passage_id] for e in concept.evidence if e.passage_id in report.passages]
        for concept in report.bank.concepts
    ]
    mine = [[passage for passage in passages if passage.source == name] for passages in quoted]
    flat = [passage for passages in mine for passage in passages]
    licenses = ", ".join(sorted({passage.license for passage in flat}))
    return sum(map(bool, mine)), len(flat), sum(passage.retracted for passage in flat), licenses


def rejections(report: ReportInput) -> list[RejectionGroup]:
    """By test, in the order in which the tests are made."""
    questions = {concept.id: concept.question for concept in (*report.bank.concepts, *report.candidates)}
    failed = [verdict for verdict in report.verdicts if not verdict.passed]
    totals = Counter(verdict.test for verdict in failed)
    most = max(totals.values(), default=1)
    order = [test for test in TESTS if test in totals] + sorted(set(totals) - set(TESTS))
    return [
        RejectionGroup(
            plain(test),
            totals[test],
            f"{100 * totals[test] / most:.1f}%",
            tuple(
                Rejected(questions.get(v.concept_id, v.concept_id), v.reason)
                for v in failed
                if v.test == test
            )[:SHOWN],
        )
        for test in order
    ]
