"""Where in an image a concept is seen: a grid over the picture, with its numbers in the cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from models.concept_audit import ConceptMap
from pipelines.report.input import Explanation, ReportInput
from pipelines.report.wording import number, signed

NUMBERED = 5
"""Cells along a side up to which their numbers are written into them."""
MARKED = 0.4
"""Share of the largest value of an image from which a cell is outlined."""
STRONGEST = 0.75
"""Opacity of the strongest cell, so that the picture stays to be seen."""


@dataclass(frozen=True, slots=True)
class MapCell:
    """One cell: its place, how strongly it speaks, and which way."""

    x: int
    y: int
    kind: str
    opacity: str
    text: str
    strong: bool


@dataclass(frozen=True, slots=True)
class MapView:
    """One concept in one image; `places` says in words what the drawing shows, `words` of which concept."""

    question: str
    score: str
    amount: str
    rows: int
    columns: int
    cells: tuple[MapCell, ...]
    places: str
    words: str


def map_views(report: ReportInput, explanation: Explanation) -> tuple[MapView, ...]:
    """Those of the image, in the order of the audit; none where it has no maps."""
    if report.concept_audit is None or not explanation.image_id:
        return ()
    questions = {concept.id: concept.question for concept in report.bank.concepts}
    mine = [
        each
        for each in report.concept_audit.maps
        if (each.split, each.domain, each.image)
        == (explanation.split, explanation.domain, explanation.image_id)
    ]
    largest = max((abs(value) for each in mine for value in each.values if isfinite(value)), default=0.0)
    amounts = {each.concept_id: each.value for each in explanation.contributions}
    return tuple(
        map_view(each, questions, largest, amounts.get(each.concept_id, each.amount)) for each in mine
    )


def map_view(each: ConceptMap, questions: Mapping[str, str], largest: float, amount: float) -> MapView:
    """On the scale of all maps of the image; `amount` is what the concept adds in the worked decision."""
    numbered = max(each.rows, each.columns) <= NUMBERED
    cells = tuple(
        MapCell(
            place % each.columns,
            place // each.columns,
            "for" if value > 0 else "against",
            f"{STRONGEST * abs(value) / largest if largest else 0:.2f}",
            signed(value, digits=1) if numbered else "",
            abs(value) >= MARKED * largest > 0,
        )
        for place, value in enumerate(each.values)
    )
    question = questions.get(each.concept_id, each.concept_id)
    places = (
        f"Speaks for it most in {place_of(each, max(each.values))}, against it most in "
        f"{place_of(each, min(each.values))}."
    )
    return MapView(
        question,
        number(each.score, digits=2),
        signed(amount, digits=2),
        each.rows,
        each.columns,
        cells,
        places,
        f"{question} {places}",
    )


def place_of(each: ConceptMap, value: float) -> str:
    """`row 1, column 3 (+0.8)`."""
    row, column = divmod(each.values.index(value), each.columns)
    return f"row {row + 1}, column {column + 1} ({signed(value, digits=1)})"
