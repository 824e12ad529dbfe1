"""Answers concepts from report text by a lexicon and assertion rules."""

import hashlib
from collections.abc import Sequence

import numpy as np

from knowledge.annotation.assertion import Assertion, Status, default_assertion
from knowledge.annotation.corpus import ReportCorpus
from knowledge.annotation.lexicon import Lexicon
from knowledge.annotation.linking import link
from knowledge.annotation.table import AnnotationTable, Answer, Cells, Progress, Report, only
from knowledge.concepts import Concept

PROBABILITY = {Status.STATED: 0.95, Status.HEDGED: 0.5, Status.NEGATED: 0.03}
"""Of YES, where the report says something."""
SILENT_PROBABILITY = {Answer.NO: 0.1, Answer.UNKNOWN: 0.5}
"""Of YES, where the report says nothing, by what silence means."""
_ANSWER = {Status.STATED: Answer.YES, Status.HEDGED: Answer.UNKNOWN, Status.NEGATED: Answer.NO}
_VERSION = "2"


class RuleAnnotator:
    """Reads every distinct sentence once, then looks the concepts up.

    A stated mention anywhere wins over denials elsewhere; a hedged one likewise. A concept that names no term
    of the lexicon is looked for by its own words within one sentence.
    """

    name = "rules"

    def __init__(
        self, lexicon: Lexicon, *, silence: Answer = Answer.NO, assertion: Assertion | None = None
    ) -> None:
        self._lexicon = lexicon
        self._silence = silence
        self._assertion = assertion or default_assertion()
        self._read: tuple[tuple[Report, ...], ReportCorpus] | None = None

    @property
    def digest(self) -> str:
        """Of the lexicon, the assertion rules and the meaning of silence."""
        parts = (_VERSION, self._lexicon.digest, self._assertion.digest, self._silence.name)
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
        corpus = self._corpus(tuple(reports))
        answer = np.full((len(reports), len(concepts)), self._silence.value, np.int8)
        probability = np.full(answer.shape, SILENT_PROBABILITY[self._silence], np.float32)
        for column, concept in enumerate(concepts):
            for row, status in enumerate(corpus.statuses(link(concept.question, self._lexicon))):
                if status is not Status.SILENT:
                    answer[row, column] = _ANSWER[status].value
                    probability[row, column] = PROBABILITY[status]
            if progress is not None:
                progress(column + 1, len(concepts))
        ids = tuple(report.id for report in reports)
        concept_ids = tuple(concept.id for concept in concepts)
        table = AnnotationTable(ids, concept_ids, answer, probability, self.name)
        return table if cells is None else only(table, cells)

    def _corpus(self, reports: tuple[Report, ...]) -> ReportCorpus:
        """What was read last is kept: screening asks about a few concepts at a time of the same reports."""
        if self._read is None or self._read[0] != reports:
            self._read = reports, ReportCorpus(reports, self._lexicon, self._assertion)
        return self._read[1]
