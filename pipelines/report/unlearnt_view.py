"""Concepts that training could not tell apart, and those that it could not learn at all."""

from dataclasses import dataclass

from models.grounding.concept_records import Inseparable, Ungrounded
from pipelines.report.input import ReportInput
from pipelines.report.wording import count


@dataclass(frozen=True, slots=True)
class UnlearntLine:
    """One concept and its answers."""

    question: str
    counts: str


@dataclass(frozen=True, slots=True)
class Together:
    """Concepts with nearly the same answers, and how near."""

    questions: tuple[str, ...]
    separation: str


@dataclass(frozen=True, slots=True)
class Unlearnt:
    """Concepts without a detector: all images answer alike, or nearly all."""

    one_answer: tuple[UnlearntLine, ...]
    too_few: tuple[UnlearntLine, ...]


def together(report: ReportInput) -> tuple[Together, ...]:
    """Each group of concepts that the answers do not tell apart, the largest first."""
    questions = questions_of(report)
    groups = sorted(report.inseparable, key=lambda each: (-len(each.concept_ids), each.concept_ids))
    return tuple(
        Together(tuple(questions.get(each, each) for each in group.concept_ids), separation(group))
        for group in groups
    )


def separation(group: Inseparable) -> str:
    """What little tells them apart."""
    if not group.n_differ:
        return f"the same answers in all of at least {count(group.n_both, 'image')}"
    return f"pairs differ in at most {group.n_differ:,} of at least {count(group.n_both, 'image')}"


def unlearnt(report: ReportInput) -> Unlearnt:
    """Those that have most answers first."""
    questions = questions_of(report)
    found = sorted(report.ungrounded, key=lambda each: (-each.n_yes - each.n_no, each.concept_id))
    lines = [(each, unlearnt_line(each, questions)) for each in found]
    return Unlearnt(
        tuple(line for each, line in lines if not (each.n_yes and each.n_no)),
        tuple(line for each, line in lines if each.n_yes and each.n_no),
    )


def unlearnt_line(each: Ungrounded, questions: dict[str, str]) -> UnlearntLine:
    """In words."""
    question = questions.get(each.concept_id, each.concept_id)
    if not (each.n_yes or each.n_no):
        return UnlearntLine(question, "never answered")
    return UnlearntLine(question, f"{each.n_yes:,} yes, {each.n_no:,} no")


def questions_of(report: ReportInput) -> dict[str, str]:
    """By concept."""
    return {concept.id: concept.question for concept in report.bank.concepts}
