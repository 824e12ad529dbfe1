"""The reporting checklist answered for one run: present, absent or not applicable, and where."""

from dataclasses import dataclass

from pipelines.report.checklist_items import ITEMS, State
from pipelines.report.input import ReportInput


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the appendix; `section` is an anchor of the page, or empty."""

    part: str
    topic: str
    asked_by: str
    state: State
    section: str
    words: str


def checklist(report: ReportInput) -> tuple[Answer, ...]:
    """Every item against this report."""
    answers = []
    for item in ITEMS:
        state, section, words = item.look(report)
        answers.append(Answer(item.part, item.topic, item.asked_by, state, section, words))
    return tuple(answers)
