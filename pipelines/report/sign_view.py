"""What the signs of the prior rest on, where two sources differ, and how far annotators agree."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from knowledge.annotation.agreement import Agreement
from knowledge.priors import Prior, WrittenDisagreement
from pipelines.report.input import ReportInput
from pipelines.report.wording import count, interval, number, plain, signed

BANDS = ((1, 1), (2, 4), (5, 9), (10, None))
"""Numbers of votes that are counted together."""
SHOWN = 5
"""Differences shown; the run directory holds them all."""
ORDER = ("corpus", "assumed", "language_model", "expert", "imported", "none")
WORDS = {
    "corpus": "counted from the literature",
    "assumed": "assumed: no clause names a class, and literature describes signs of disease",
    "language_model": "answered by the language model",
    "expert": "given by an expert",
    "imported": "imported with another bank",
    "none": "abstains",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A kind of sign, and how many there are."""

    words: str
    cells: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One class and concept that two sources judge differently, in words."""

    question: str
    class_name: str
    said: str
    speaking_for: tuple[str, ...]
    speaking_against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators over all concepts."""

    names: str
    cells: int
    raw: str
    kappa: str


@dataclass(frozen=True, slots=True)
class SignView:
    """The section.

    Attributes:
        origins: Signs by where they come from, abstentions last.
        votes: Signs counted from the literature by number of votes; empty where votes are not known.
        differing: All differences of two sources.
        differences: The first of them.
        pairs: Annotators that answered the same cells.
    """

    origins: tuple[Counted, ...]
    votes: tuple[Counted, ...]
    differing: int
    differences: tuple[Difference, ...]
    pairs: tuple[Pair, ...]


def sign_view(report: ReportInput) -> SignView | None:
    """None where the prior has no cells."""
    if not report.prior.sign.size:
        return None
    return SignView(
        origins(report.prior),
        votes(report.prior),
        len(report.disagreements),
        tuple(map(difference, report.disagreements[:SHOWN])),
        tuple(pair(each) for each in report.agreements if not each.concept_id and each.raw is not None),
    )


def sign_line(prior: Prior) -> str:
    """One sentence for `audit.md`; empty where the prior has no cells."""
    if not prior.sign.size:
        return ""
    parts = [f"{each.cells:,} {each.words.partition(':')[0]}" for each in origins(prior)]
    bands = ", ".join(f"{each.words} {each.cells:,}" for each in votes(prior))
    counted = f" Signs counted from the literature by votes: {bands}." if bands else ""
    return f"Of {count(prior.sign.size, 'sign')} by class and concept: {', '.join(parts)}.{counted}"


def origins(prior: Prior) -> tuple[Counted, ...]:
    """Those that occur."""
    found = Counter(source for row in prior.source for source in row)
    order = [*ORDER, *sorted(set(found) - set(ORDER))]
    return tuple(Counted(WORDS.get(name, plain(name)), found[name]) for name in order if found[name])


def votes(prior: Prior) -> tuple[Counted, ...]:
    """Signs counted from the literature, in bands."""
    if prior.votes is None:
        return ()
    numbers = prior.votes[np.array(prior.source) == "corpus"]
    bands = (
        Counted(band(low, high), int(((numbers >= low) & (numbers <= (high or np.inf))).sum()))
        for low, high in BANDS
    )
    return tuple(each for each in bands if each.cells)


def band(low: int, high: int | None) -> str:
    """`1 vote`, `2 to 4 votes`, `10 votes or more`."""
    if high is None:
        return f"{low} votes or more"
    return count(low, "vote") if low == high else f"{low} to {high} votes"


def difference(row: WrittenDisagreement) -> Difference:
    """Both sources in a line."""
    said = "; ".join(
        f"{plain(each.source)} {signed(each.sign, digits=2)}" if each.sign else "the other abstains"
        for each in (row.first, row.second)
    )
    return Difference(row.question, plain(row.class_name), said, row.speaking_for, row.speaking_against)


def pair(row: Agreement) -> Pair:
    """Numbers in words."""
    cells = row.both_yes + row.first_only + row.second_only + row.both_no
    nan = float("nan")
    low, high = (nan if each is None else each for each in (row.low, row.high))
    kappa = number(nan if row.kappa is None else row.kappa, digits=2)
    return Pair(
        f"{plain(row.first)} and {plain(row.second)}",
        cells,
        number(nan if row.raw is None else row.raw, digits=2),
        f"{kappa} ({interval(low, high, digits=2)})" if row.kappa is not None else kappa,
    )
