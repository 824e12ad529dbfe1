"""What the concept-level audit found, as tables without a drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.concept_audit import Completeness, ConceptAudit, Faithfulness
from pipelines.report.methods import describe
from pipelines.report.wording import ABSENT, DOMAINS, interval, listed, number, plain

MOST = 300
"""Rows of a folded table; `concept_audit.json` holds them all."""
SCORES = {
    "as_they_are": "as they are",
    "zeroed": "every concept at its training mean",
    "permuted": "each concept's scores dealt to other images",
    "other_image": "all scores of another image",
    "random": "drawn at random",
}
OF = {"questions": "questions, by their text", "detectors": "detectors, by their weights", "scores": "scores"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a plain table: its heading, then words and numbers under the heads of the table."""

    head: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlainTable:
    """A table without drawing; the first `words` columns after the heading are words, the others numbers.

    Attributes:
        title: Heading.
        note: What it says, in a sentence.
        heads: Of all columns.
        words: How many of them hold words, the first column not counted.
        rows: The first ones.
        left: Rows that are not shown.
    """

    title: str
    note: str
    heads: tuple[str, ...]
    words: int
    rows: tuple[Line, ...]
    left: int


def maybe(value: float | None, *, digits: int = 2) -> str:
    """A dash where the number does not exist."""
    return ABSENT if value is None else number(value, digits=digits)


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """`0.71 (0.66 to 0.75)`."""
    if value is None or low is None or high is None:
        return maybe(value)
    return f"{number(value, digits=2)} ({interval(low, high, digits=2)})"


def made(title: str, note: str, heads: tuple[str, ...], words: int, rows: Sequence[Line]) -> PlainTable:
    """The first rows; the others are counted."""
    return PlainTable(title, note, heads, words, tuple(rows[:MOST]), max(len(rows) - MOST, 0))


def faithfulness_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """Whether the answer changes when the concepts say nothing."""
    return made(
        "Faithfulness: what is left when the concepts are taken away",
        "If accuracy stayed where the scores say nothing, the answer would not come from the concepts.",
        ("Scores", "Split", "Domain", "Accuracy", "Log loss", "Images"),
        2,
        [faithfulness_line(each) for each in audit.faithfulness],
    )


def faithfulness_line(each: Faithfulness) -> Line:
    """One of them."""
    accuracy = with_interval(each.accuracy, each.low, each.high)
    return Line(
        SCORES.get(each.scores, plain(each.scores)),
        (each.split, DOMAINS.get(each.domain, each.domain), accuracy, number(each.log_loss), f"{each.n:,}"),
    )


def completeness_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """How much of what the features tell the concepts keep."""
    return made(
        "Completeness: how much of what the features tell the concepts keep",
        "1: as much above chance as the head on the features; 0: chance.",
        ("Head on concepts", "Against", "Split", "Domain", "Completeness", "Images"),
        3,
        [completeness_line(each) for each in audit.completeness],
    )


def completeness_line(each: Completeness) -> Line:
    """One of them."""
    return Line(
        describe(each.method).label,
        (
            describe(each.reference).label,
            each.split,
            DOMAINS.get(each.domain, each.domain),
            with_interval(each.value, each.low, each.high),
            f"{each.n:,}",
        ),
    )


def calibration_table(audit: ConceptAudit, questions: Mapping[str, str]) -> PlainTable:
    """Whether a concept's score means the same in every domain."""
    return made(
        "Concepts against known answers, by domain",
        "A concept that is right in domain and wrong under shift was learnt from the shortcut.",
        ("Concept", "Split", "Domain", "AUROC", "Mean score", "Share of yes", "ECE", "Brier", "Yes", "No"),
        2,
        [
            Line(
                questions.get(each.concept_id, each.concept_id),
                (
                    each.split,
                    DOMAINS.get(each.domain, each.domain),
                    with_interval(each.auroc, each.low, each.high),
                    number(each.mean_score, digits=2),
                    number(each.share, digits=2),
                    number(each.ece, digits=2),
                    number(each.brier, digits=2),
                    f"{each.n_yes:,}",
                    f"{each.n_no:,}",
                ),
            )
            for each in audit.calibration
        ],
    )


def existence_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """CEM."""
    return made(
        "Concept existence: are the concepts there that an answer rests on?",
        "Share of the loudest concepts that the known answers say are there, and the same with the answers "
        "of other images (arXiv 2501.19271).",
        ("Split", "Domain", "Concepts", "There", "By chance", "Right", "Images"),
        1,
        [
            Line(
                each.split,
                (
                    DOMAINS.get(each.domain, each.domain),
                    f"{each.top}",
                    with_interval(each.share, each.low, each.high),
                    number(each.base, digits=2),
                    number(each.right, digits=2),
                    f"{each.n:,}",
                ),
            )
            for each in audit.existence
        ],
    )


def location_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """CLM."""
    return made(
        "Concept location: do the detectors look where the finding is?",
        "Share of annotated places within the part of the map that counts as looked at, and the same with "
        "the maps of other images (arXiv 2501.19271).",
        ("Split", "Domain", "Concepts", "Area", "Found", "By chance", "Places"),
        1,
        [
            Line(
                each.split,
                (
                    DOMAINS.get(each.domain, each.domain),
                    f"{each.top}",
                    number(each.area, digits=2),
                    number(each.share, digits=2),
                    number(each.base, digits=2),
                    f"{each.n:,}",
                ),
            )
            for each in audit.locations
        ],
    )


def importance_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """CGIM."""
    return made(
        "Global importance: do the classes rest on the concepts that go with them?",
        "Cosine of what a class weighs, scores or adds up and how often each concept is there in its images "
        "(arXiv 2501.19271).",
        ("Class", "Split", "Weights", "Scores", "Contributions", "Weights, contrast", "Images"),
        1,
        [
            Line(
                plain(each.class_name),
                (
                    each.split,
                    *map(maybe, (each.weight, each.score, each.contribution, each.weight_contrast)),
                    f"{each.n:,}",
                ),
            )
            for each in audit.importance
        ],
    )


def agreement_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """Learned weights against the prior."""
    return made(
        "Learned weights against the signs of the prior",
        "Share of the signs that the learned weights keep, plain and by size of the weight, beside signs "
        "dealt to other concepts.",
        ("Class", "Split", "Signs", "Kept", "Kept, by size", "By chance", "Cosine"),
        1,
        [
            Line(
                plain(each.class_name),
                (
                    each.split,
                    f"{each.n:,}",
                    number(each.agreeing / each.n, digits=2) if each.n else ABSENT,
                    maybe(each.weighted),
                    maybe(each.chance),
                    maybe(each.cosine),
                ),
            )
            for each in audit.agreement
        ],
    )


def diversity_table(audit: ConceptAudit, _: Mapping[str, str]) -> PlainTable:
    """How different the concepts are."""
    return made(
        "Diversity of the bank",
        "Mean of 1 − cosine over pairs; as the released code prints it; and how many concepts without "
        "anything in common would be as diverse.",
        ("Of", "Concepts", "Diversity", "As released", "Effective number", "Nearest cosine"),
        0,
        [
            Line(
                OF.get(each.of, plain(each.of)),
                (
                    f"{each.n:,}",
                    number(each.diversity),
                    number(each.as_released),
                    number(each.effective, digits=1),
                    number(each.nearest),
                ),
            )
            for each in audit.diversity
        ],
    )


def pair_table(audit: ConceptAudit, questions: Mapping[str, str]) -> PlainTable:
    """Concepts that are hard to tell apart."""
    return made(
        "Pairs of concepts that are hard to tell apart",
        "Where no answer differs, one detector could be the other.",
        ("Pair", "Answers to both", "That differ", "Correlation of scores", "Cosine of questions"),
        0,
        [
            Line(
                listed([questions.get(name, name) for name in (each.first, each.second)]),
                (
                    f"{each.n_both:,}",
                    f"{each.n_differ:,}",
                    number(each.correlation, digits=2),
                    maybe(each.cosine),
                ),
            )
            for each in audit.pairs
        ],
    )


TABLES = (
    faithfulness_table,
    completeness_table,
    calibration_table,
    existence_table,
    location_table,
    importance_table,
    agreement_table,
    pair_table,
    diversity_table,
)
