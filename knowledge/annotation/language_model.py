"""Answers concepts by the yes and no probabilities of a language model, sentence by sentence."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.report_text import finding_texts
from knowledge.annotation.table import AnnotationTable, Answer, Cells, Progress, Report
from knowledge.concepts import Concept
from knowledge.language.protocol import LanguageModel
from knowledge.prompts.data import as_data

PROMPT = """Text: Heart size is normal. No focal consolidation or effusion.
Question: Is the heart enlarged?
Answer: No

Text: Stable cardiomegaly with streaky opacity in the left base.
Question: Is there a lung opacity?
Answer: Yes

Text: {text}
Question: {question}
Answer:"""
OPTIONS = ("Yes", "No")
NOTHING = "N/A"
"""Content-free text, whose answer shows the bias of the model for a question (Zhao et al., ICML 2021)."""
CERTAIN = 0.75
"""At or above it YES, at or below one minus it NO, between them UNKNOWN."""
_PROMPTS_PER_CALL = 1024
"""Bound of the prompts in memory; the model makes batches of its own."""
_RIDGE = 1e-3
"""Keeps the fit finite where the known answers are separable."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic map from the model's log odds, less those of the content-free text, to a probability."""

    slope: float = 1.0
    bias: float = 0.0

    def probability(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(yes), of the same shape."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * log_odds + self.bias))))


def fit_calibration(log_odds: NDArray[np.float64], truth: NDArray[np.bool_]) -> Calibration:
    """Platt scaling by Newton's method on answers that are known.

    Args:
        log_odds: Of any shape, from `LanguageModelAnnotator.log_odds`.
        truth: Of the same shape; both values must occur.
    """
    x = np.stack([log_odds.ravel(), np.ones(log_odds.size)], axis=1)
    y = truth.ravel().astype(np.float64)
    weights = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - y) + _RIDGE * weights
        curvature = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(2)
        weights -= np.linalg.solve(curvature, gradient)
    return Calibration(slope=float(weights[0]), bias=float(weights[1]))


class LanguageModelAnnotator:
    """Asks every question of every sentence (or whole report) and keeps the highest answer of a report.

    Args:
        model: Gives the probabilities of `Yes` and `No`.
        by_sentence: Ask sentence by sentence; small models lose the thread in a whole report.
        calibration: Fitted on reports with known answers, or the identity.
    """

    name = "language_model"

    def __init__(
        self, model: LanguageModel, *, by_sentence: bool = True, calibration: Calibration | None = None
    ) -> None:
        self._model = model
        self._by_sentence = by_sentence
        self._calibration = calibration or Calibration()

    @property
    def digest(self) -> str:
        """Of the model, the prompt and the calibration."""
        parts = (self._model.digest, PROMPT, str(self._by_sentence), repr(self._calibration))
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()

    def annotate(
        self,
        reports: Sequence[Report],
        concepts: Sequence[Concept],
        *,
        cells: Cells | None = None,
        progress: Progress | None = None,
    ) -> AnnotationTable:
        """One answer per report and concept, or only of `cells`."""
        questions = [concept.question for concept in concepts]
        log_odds = self.log_odds(reports, questions, cells=cells, progress=progress)
        probability = self._calibration.probability(log_odds).astype(np.float32)
        answer = np.full(probability.shape, Answer.UNKNOWN.value, np.int8)
        answer[probability >= CERTAIN] = Answer.YES.value
        answer[probability <= 1 - CERTAIN] = Answer.NO.value
        ids = tuple(report.id for report in reports)
        return AnnotationTable(ids, tuple(concept.id for concept in concepts), answer, probability, self.name)

    def log_odds(
        self,
        reports: Sequence[Report],
        questions: Sequence[str],
        *,
        cells: Cells | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """`(n, c) float64`: highest log odds of yes in a report, less those of the content-free text.

        A report without any sentence gives 0, a cell that is not asked nan.
        """
        asked = np.ones((len(reports), len(questions)), np.bool_) if cells is None else cells
        texts = [finding_texts(report.text) if self._by_sentence else (report.text,) for report in reports]
        place = {text: i for i, text in enumerate(dict.fromkeys(text for group in texts for text in group))}
        wanted = np.zeros((len(place), len(questions)), np.bool_)
        for row, group in enumerate(texts):
            wanted[[place[text] for text in group]] |= asked[row]
        habit = self._odds([NOTHING], questions, np.array([asked.any(0)]))
        odds = self._odds(list(place), questions, wanted, progress=progress) - habit
        result = np.where(asked, 0.0, np.nan)
        for row, group in enumerate(texts):
            if group:
                result[row] = np.where(asked[row], odds[[place[text] for text in group]].max(0), np.nan)
        return result

    def _odds(
        self,
        texts: Sequence[str],
        questions: Sequence[str],
        wanted: Cells,
        *,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """`(texts, questions) float64`; all questions about a text in one call, so that it is read once."""
        odds = np.full(wanted.shape, np.nan)
        for rows in _calls(wanted.sum(1)):
            places = [(row, column) for row in rows for column in np.flatnonzero(wanted[row]).tolist()]
            if places:
                prompts = [
                    PROMPT.format(text=as_data(texts[row]), question=questions[column])
                    for row, column in places
                ]
                yes, no = np.clip(self._model.choose(prompts, OPTIONS), 1e-9, 1).T
                odds[tuple(np.array(places).T)] = np.log(yes) - np.log(no)
            if progress is not None:
                progress(rows.stop, len(texts))
        return odds


def _calls(counts: NDArray[np.int64]) -> Iterator[range]:
    """Texts whose prompts go to the model together."""
    start, size = 0, 0
    for row, count in enumerate(counts.tolist()):
        if size and size + count > _PROMPTS_PER_CALL:
            yield range(start, row)
            start, size = row, 0
        size += count
    if start < len(counts):
        yield range(start, len(counts))
