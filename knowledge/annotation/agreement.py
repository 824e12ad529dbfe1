"""How far annotators agree where they answer the same cells: share alike, and Cohen's kappa."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.table import AnnotationTable, Answer
from knowledge.atomic import write_text
from knowledge.errors import KnowledgeError

DRAWS = 1000
LEVEL = 0.95
_AT_ONCE = 2**22
"""Bound of draws x reports in memory."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators on one concept, or on all together.

    Attributes:
        first: One annotator.
        second: The other.
        concept_id: The concept; empty for all cells together.
        both_yes: Cells with YES from both.
        first_only: YES from the first and NO from the second.
        second_only: The reverse.
        both_no: NO from both.
        unanswered: Cells of reports and concepts in common that at least one of the two leaves UNKNOWN.
        raw: Share of the answered cells on which they agree; none without any.
        kappa: Cohen's (1960): agreement beyond that of independent annotators with the same shares of yes;
            none where both give one answer throughout.
        low: Lower bound of kappa, percentile bootstrap over reports.
        high: Upper bound.
    """

    first: str
    second: str
    concept_id: str
    both_yes: int
    first_only: int
    second_only: int
    both_no: int
    unanswered: int
    raw: float | None
    kappa: float | None
    low: float | None
    high: float | None


def agreements(
    tables: Sequence[AnnotationTable], *, draws: int = DRAWS, seed: int = 0
) -> tuple[Agreement, ...]:
    """Every two annotators with cells in common: all cells first, then concept by concept."""
    pairs = ((a, b) for a, b in combinations(tables, 2) if a.annotator != b.annotator)
    return tuple(row for a, b in pairs for row in _pair(a, b, draws, seed))


def save_agreements(rows: Sequence[Agreement], path: Path, *, reports: int) -> None:
    """Write JSON, with the number of reports that were compared."""
    values = {"reports": reports, "agreements": [asdict(row) for row in rows]}
    write_text(path, json.dumps(values, indent=1) + "\n")


def load_agreements(path: Path) -> tuple[tuple[Agreement, ...], int]:
    """What `save_agreements` wrote: the rows, and the number of reports that were compared.

    Raises:
        KnowledgeError: No such file, or another one.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Agreement(**row) for row in values["agreements"]), int(values["reports"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KnowledgeError(
            f"{path} holds no agreement of annotators ({type(error).__name__}); run the annotation again"
        ) from error


def kappa(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cohen's kappa of `(..., 4)` counts: both yes, first only, second only, both no; nan where undefined."""
    total = counts.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        yes_yes, first, second, no_no = np.moveaxis(counts / total[..., None], -1, 0)
        chance = (yes_yes + first) * (yes_yes + second) + (second + no_no) * (first + no_no)
        values: NDArray[np.float64] = np.where(chance < 1, (yes_yes + no_no - chance) / (1 - chance), np.nan)
    return values


def _pair(a: AnnotationTable, b: AnnotationTable, draws: int, seed: int) -> list[Agreement]:
    reports = [name for name in a.report_ids if name in set(b.report_ids)]
    concepts = [name for name in a.concept_ids if name in set(b.concept_ids)]
    if not reports or not concepts:
        return []
    first, second = (_answers(table, reports, concepts) for table in (a, b))
    kinds = np.full(first.shape, -1)
    answered = (first >= 0) & (second >= 0)
    kinds[answered] = 3 - 2 * first[answered] - second[answered]
    whole = np.stack([(kinds == kind).sum(1) for kind in range(4)], -1)  # (reports, 4)
    names = (a.annotator, b.annotator)
    rows = [_row(names, "", whole, unanswered=int((~answered).sum()), draws=draws, seed=seed)]
    for column, concept_id in enumerate(concepts):
        each = np.stack([kinds[:, column] == kind for kind in range(4)], -1).astype(np.int64)
        left = int((~answered[:, column]).sum())
        rows.append(_row(names, concept_id, each, unanswered=left, draws=draws, seed=seed))
    return rows


def _answers(table: AnnotationTable, reports: Sequence[str], concepts: Sequence[str]) -> NDArray[np.int64]:
    """`(n, c)`: 1 for yes, 0 for no, below 0 where the cell is not answered."""
    row = {name: i for i, name in enumerate(table.report_ids)}
    column = {name: j for j, name in enumerate(table.concept_ids)}
    chosen = np.ix_(np.array([row[name] for name in reports]), np.array([column[name] for name in concepts]))
    assert (Answer.YES, Answer.NO) == (1, 0)
    answers: NDArray[np.int64] = np.where(table.asked, table.answer, Answer.UNKNOWN)[chosen].astype(np.int64)
    return answers


def _row(
    names: tuple[str, str],
    concept_id: str,
    by_report: NDArray[np.int64],
    *,
    unanswered: int,
    draws: int,
    seed: int,
) -> Agreement:
    counts = by_report.sum(0)
    total = int(counts.sum())
    value = float(kappa(counts.astype(np.float64)))
    low, high = _interval(by_report, draws, seed)
    both_yes, first_only, second_only, both_no = counts.tolist()
    return Agreement(
        names[0],
        names[1],
        concept_id,
        both_yes,
        first_only,
        second_only,
        both_no,
        unanswered,
        raw=float((counts[0] + counts[3]) / total) if total else None,
        kappa=_number(value),
        low=_number(low),
        high=_number(high),
    )


def _interval(by_report: NDArray[np.int64], draws: int, seed: int) -> tuple[float, float]:
    """Percentile bootstrap: reports with the same counts are drawn together, as one multinomial."""
    kinds, numbers = np.unique(by_report, axis=0, return_counts=True)
    stream, shares = np.random.default_rng(seed), numbers / numbers.sum()
    step = max(1, _AT_ONCE // len(kinds))
    values = np.concatenate(
        [
            kappa(stream.multinomial(len(by_report), shares, min(step, draws - start)) @ kinds.astype(float))
            for start in range(0, draws, step)
        ]
    )
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
