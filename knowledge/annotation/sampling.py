"""Which concepts are asked of which reports: half the nearest, half at random (KnoBo, section 3.2).

Asking every report about every concept is dear, and most answers would be no. The nearest reports hold the
positives, the random ones keep the negatives honest.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.report_text import finding_texts
from knowledge.annotation.table import Cells, Progress, Report
from knowledge.concepts import Concept

_TEXTS_AT_ONCE = 512
_DECIMALS = 4
_NEVER = -2.0
"""Below every cosine: a report without a sentence is nobody's neighbour."""


class Encoder(Protocol):
    """Texts in, unit vectors out."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(n, d) float32`."""
        ...


@dataclass(frozen=True, slots=True)
class CellSampling:
    """How many reports are asked about each concept.

    Attributes:
        nearest: Reports whose nearest sentence is most like the question.
        random: Reports drawn from the rest; the same for the same seed and concept.
        seed: Of the draw.
    """

    nearest: int = 1000
    random: int = 1000
    seed: int = 0


def sample_cells(similarity: NDArray[np.float32], concepts: Sequence[Concept], how: CellSampling) -> Cells:
    """Cells to ask, from the similarity `(n, c)` of reports to questions; all where there are too few."""
    cells = np.zeros(similarity.shape, np.bool_)
    for column, concept in enumerate(concepts):
        order = np.argsort(-similarity[:, column], kind="stable")
        cells[order[: how.nearest], column] = True
        rest = np.sort(order[how.nearest :])
        digest = hashlib.sha256(f"{how.seed}\0{concept.id}".encode()).digest()
        stream = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        cells[stream.permutation(rest)[: how.random], column] = True
    return cells


class ReportSentences:
    """The distinct sentences of reports, encoded once, however often questions come.

    The cost grows with the reports and hardly with the concepts.

    Args:
        reports: Whose sentences.
        encoder: Of sentences and questions.
        progress: Called while the sentences are encoded, which waits for the first question.
    """

    def __init__(
        self, reports: Sequence[Report], encoder: Encoder, *, progress: Progress | None = None
    ) -> None:
        texts = [finding_texts(report.text) for report in reports]
        place = {text: i for i, text in enumerate(dict.fromkeys(text for group in texts for text in group))}
        self._places = [[place[text] for text in group] for group in texts]
        self._distinct = list(place)
        self._encoder = encoder
        self._progress = progress

    def similarities(self, concepts: Sequence[Concept]) -> NDArray[np.float32]:
        """Cosine of each question and the nearest sentence of each report: `(n, c) float32`."""
        questions = self._encoder.encode([concept.question for concept in concepts])
        near = np.empty((len(self._distinct), len(concepts)), np.float32)
        for start, vectors in self._vectors:
            near[start : start + len(vectors)] = vectors @ questions.T
        result = np.full((len(self._places), len(concepts)), _NEVER, np.float32)
        for row, places in enumerate(self._places):
            if places:
                result[row] = near[places].max(0)
        # products of other shapes differ in the last bits, which must not decide who is near
        return np.round(result, _DECIMALS)

    @cached_property
    def _vectors(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Parts of the sentences by place: `(m, d) float32`."""
        parts = []
        for start in range(0, len(self._distinct), _TEXTS_AT_ONCE):
            some = self._distinct[start : start + _TEXTS_AT_ONCE]
            parts.append((start, self._encoder.encode(some)))
            if self._progress is not None:
                self._progress(start + len(some), len(self._distinct))
        return parts
