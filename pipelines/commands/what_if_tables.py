"""How interventions, edits, ablations and the path of lambda are printed."""

from collections.abc import Sequence

from rich.markup import escape

from models.what_if.ablation import ALL, Ablation
from models.what_if.editing import EditReport
from models.what_if.interventions import Band
from pipelines.commands.shared import console, print_rows
from pipelines.report.path_view import NOTE
from pipelines.report.wording import (
    ABSENT,
    DOMAINS,
    METRICS,
    interval,
    number,
    plain,
    signed,
    signed_interval,
)
from pipelines.what_if.ablation import AblatedConcept
from pipelines.what_if.curve_report import CurveReport, DomainCurve, listed_steps
from pipelines.what_if.lambda_path import PathPoint
from pipelines.what_if.naming import ConceptNames
from pipelines.what_if.one_image import ImageIntervention, OpenQuestions


def print_intervention(shown: ImageIntervention) -> None:
    """Probabilities before and after, then each concept with what it adds to the logits."""
    found = shown.found
    before, after = map(escape, found.predicted)
    verdict = f"still [bold]{after}[/]" if before == after else f"{before}, then [bold]{after}[/]"
    say(f"{escape(shown.image)} in {escape(shown.asked.name)}: {verdict}")
    say(escape(shown.asked.sentence))
    rows = [
        (plain(name), number(then), number(now), signed(now - then))
        for name, then, now in zip(found.classes, found.before, found.after, strict=True)
    ]
    print_rows(("class", "before", "after", "change"), rows, marked=frozenset())
    header = ("concept set", "score", "set to", *(f"adds to {plain(name)}" for name in found.classes))
    cells = [
        (question, number(each.before), number(each.after), *map(signed, each.change))
        for question, each in zip(shown.questions, found.moved, strict=True)
    ]
    console.print()
    print_rows(header, cells, marked=frozenset())


def print_questions(asked: OpenQuestions, *, top: int) -> None:
    """The concepts that contribute most, with the probability of the predicted class after either answer."""
    winner = max(range(len(asked.classes)), key=lambda row: asked.probabilities[row])
    say(escape(asked.asked.sentence))
    say(
        f"{escape(asked.image)} in {escape(asked.asked.name)}: [bold]{escape(asked.classes[winner])}[/] with "
        f"probability {asked.probabilities[winner]:.2f}; with one concept answered it would be:"
    )
    rows = [
        (
            each.concept_id.rpartition("-")[2],
            question,
            number(each.score),
            number(each.if_yes[winner]),
            number(each.if_no[winner]),
        )
        for each, question in zip(asked.answers[:top], asked.questions, strict=False)
    ]
    print_rows(("id", "concept", "score", "if yes", "if no"), rows, marked=frozenset())


def print_curves(found: CurveReport) -> None:
    """A table a domain, policies as columns."""
    say(f"A yes and a no are set to {found.levels}.")
    for place in dict.fromkeys((each.split, each.domain) for each in found.curves):
        print_domain([each for each in found.curves if (each.split, each.domain) == place])
    for sentence in found.missing:
        say(f"[yellow]Not drawn: {escape(sentence)}.[/]")


def print_domain(own: Sequence[DomainCurve]) -> None:
    """Accuracy with its interval after some counts of answers, then the gain of all of them."""
    first = own[0]
    say(
        f"\n[bold]{escape(first.split)}[/], {DOMAINS[first.domain]}: {first.curve.n} images, "
        f"{first.curve.known:.0f} concepts answered an image"
    )
    steps = listed_steps(len(first.curve.accuracy.value) - 1)
    rows = [(str(step), *(band_text(each.curve.accuracy, step) for each in own)) for step in steps]
    gains = [
        f"{signed(gain.value[-1], digits=2)} ({signed_interval(gain.low[-1], gain.high[-1], digits=2)})"
        for gain in (each.curve.gain for each in own)
    ]
    print_rows(
        ("answered", *(each.curve.policy for each in own)), [*rows, ("gain", *gains)], marked=frozenset()
    )


def band_text(band: Band, step: int) -> str:
    """`0.72 (0.68 to 0.76)`."""
    return f"{number(band.value[step], digits=2)} ({interval(band.low[step], band.high[step], digits=2)})"


def print_edits(report: EditReport, *, metric: str) -> None:
    """What was edited, the weights named, then a line a split and domain."""
    for text in report.edits:
        say(escape(f"{text[0].upper()}{text[1:]}."))
    weights = [
        (each.split, plain(each.class_name), each.concept_id, signed(each.before), signed(each.after))
        for each in report.weights
    ]
    print_rows(("split", "class", "concept", "weight", "now"), weights, marked=frozenset())
    say(f"\nMean {METRICS[metric]} over the seeds; the difference is after minus before.")
    rows = [
        (
            each.split,
            DOMAINS[each.domain],
            number(each.before),
            number(each.after),
            f"{signed(each.difference)} ({signed_interval(each.low, each.high)})",
            f"{each.n:,}",
        )
        for each in report.changes
        if each.metric == metric
    ]
    header = ("split", "domain", "before", "after", "difference", "images")
    print_rows(header, rows, marked=frozenset())
    if report.untouched:
        say(f"Not edited, for they do not have the class: {escape(', '.join(report.untouched))}.")


def print_ablation(scope: str, concepts: Sequence[AblatedConcept], names: ConceptNames) -> None:
    """A line a concept, all of them together first."""
    say(f"Accuracy without a concept minus accuracy with it, {escape(scope)}:")
    rows = []
    for each in concepts:
        every = each.concept_id == ALL
        rows.append(
            (
                "" if every else names.short(each.concept_id),
                "All concepts" if every else names.question(each.concept_id),
                difference_text(each.in_domain),
                difference_text(each.shifted),
                number(each.flipped),
            )
        )
    print_rows(("id", "concept", "in domain", "shifted", "class changes"), rows, marked=frozenset())


def difference_text(row: Ablation | None) -> str:
    """With its interval; empty where nothing was measured."""
    return "" if row is None else f"{signed(row.difference)} ({signed_interval(row.low, row.high)})"


def print_path(points: Sequence[PathPoint], *, own: float) -> None:
    """A line a lambda; the run's own is marked."""
    say(
        f"Optimum of the loss by lambda, {escape(points[0].split)}: prior loss, training cross-entropy, "
        "share of signs as in the prior, accuracies."
    )
    rows = [
        (
            f"{each.strength:g}{'*' if each.strength == own else ''}",
            number(each.prior_loss),
            number(each.cross_entropy),
            *map(known, (each.sign_agreement, each.validation, each.in_domain, each.shifted)),
        )
        for each in points
    ]
    header = ("lambda", "prior loss", "entropy", "signs", "validation", "in domain", "shifted")
    print_rows(header, rows, marked=frozenset())
    say(f"* the run's own. {' '.join(NOTE)}")


def known(value: float | None) -> str:
    """A dash where there is nothing."""
    return ABSENT if value is None else number(value)


def say(text: str) -> None:
    """A line with markup."""
    console.print(text, highlight=False, soft_wrap=True)
