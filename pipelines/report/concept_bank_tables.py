"""What the concept-level audit says of answers, weights and the bank, as tables."""

from collections.abc import Mapping

from models.concept_audit import ConceptAudit
from pipelines.report.plain_table import Line, PlainTable, made, maybe, with_interval
from pipelines.report.wording import ABSENT, DOMAINS, listed, number, plain

OF = {"questions": "questions, by their text", "detectors": "detectors, by their weights", "scores": "scores"}


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
