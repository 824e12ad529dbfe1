"""What the concept-level audit says of domains, as tables; and all its tables in the order shown."""

from collections.abc import Mapping

from models.concept_audit import Completeness, ConceptAudit, Faithfulness
from pipelines.report.concept_bank_tables import (
    agreement_table,
    diversity_table,
    existence_table,
    importance_table,
    location_table,
    pair_table,
)
from pipelines.report.methods import describe
from pipelines.report.plain_table import Line, PlainTable, made, with_interval
from pipelines.report.wording import DOMAINS, number, plain

SCORES = {
    "as_they_are": "as they are",
    "zeroed": "every concept at its training mean",
    "permuted": "each concept's scores dealt to other images",
    "other_image": "all scores of another image",
    "random": "drawn at random",
}


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
