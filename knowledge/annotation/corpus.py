"""Reports read once, so that any number of questions can be looked up in them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from knowledge.annotation.assertion import Assertion, Span, Status
from knowledge.annotation.lexicon import Lexicon
from knowledge.annotation.linking import Link
from knowledge.annotation.reading import SentenceReading, highest, read
from knowledge.annotation.report_text import Sentence, finding_sentences
from knowledge.annotation.table import Report

_WINDOW = 6
"""Tokens that may stand between the words of a question that no term of the lexicon covers."""


class ReportCorpus:
    """Distinct sentences, where they stand, and what each report says about each term."""

    def __init__(self, reports: Sequence[Report], lexicon: Lexicon, assertion: Assertion) -> None:
        self._lexicon = lexicon
        self._assertion = assertion
        self._readings: list[SentenceReading] = []
        self._rows: list[list[int]] = []
        self._by_term: dict[str, set[int]] = defaultdict(set)
        self._by_stem: dict[str, set[int]] = defaultdict(set)
        self._by_report: list[dict[str, Status]] = []
        numbers: dict[Sentence, int] = {}
        for row, report in enumerate(reports):
            said: list[tuple[str, Status]] = []
            for sentence in finding_sentences(report.text):
                if sentence not in numbers:
                    numbers[sentence] = self._add(sentence)
                self._rows[numbers[sentence]].append(row)
                said.extend(self._readings[numbers[sentence]].statuses)
            self._by_report.append(self._settled(highest(said)))

    def statuses(self, asked: Link) -> list[Status]:
        """Status of the question in each report."""
        if not asked.findings:
            return self._by_words(asked.words)
        if not asked.narrowed:
            each = [[said.get(name, Status.SILENT) for name in asked.findings] for said in self._by_report]
            return [_joined(found, either=asked.either) for found in each]
        return self._narrowed(asked)

    def _add(self, sentence: Sentence) -> int:
        number = len(self._readings)
        self._readings.append(read(sentence, self._lexicon, self._assertion))
        self._rows.append([])
        for name, _ in self._readings[number].statuses:
            self._by_term[name].add(number)
        for word in set(sentence.stems):
            self._by_stem[word].add(number)
        return number

    def _settled(self, said: dict[str, Status]) -> dict[str, Status]:
        """A normal statement does not hold where one of the findings that it denies is stated."""
        stated = [name for name, status in said.items() if status is Status.STATED]
        denied = (statement for name in stated for statement in self._lexicon.denied_by.get(name, ()))
        return said | dict.fromkeys(denied, Status.NEGATED)

    def _narrowed(self, asked: Link) -> list[Status]:
        """The finding with its modifiers, and its words, in one sentence.

        A denied finding denies the narrower sign. One stated without the words leaves the question open, for
        reports seldom describe what a finding looks like.
        """
        result = [Status.NEGATED if _is_denied(asked, said) else Status.SILENT for said in self._by_report]
        with_words = set(self._with_words(asked.words))
        for number in sorted(set().union(*(self._by_term.get(name, ()) for name in asked.findings))):
            reading = self._readings[number]
            if not reading.modifiers.issuperset(asked.modifiers):
                continue
            said = dict(reading.statuses)
            found = _joined([said.get(name, Status.SILENT) for name in asked.findings], either=asked.either)
            if found is Status.STATED and number not in with_words:
                found = Status.HEDGED
            for row in self._rows[number] if found is not Status.SILENT else ():
                result[row] = max(result[row], found)
        return result

    def _by_words(self, words: frozenset[str]) -> list[Status]:
        """All words of the question close together in one sentence."""
        result = [Status.SILENT] * len(self._by_report)
        for number in self._with_words(words) if words else ():
            sentence = self._readings[number].sentence
            span = _closest(sentence, words)
            if span.end - span.start <= len(words) + _WINDOW:
                (status,) = self._assertion.statuses(sentence, [span])
                for row in self._rows[number]:
                    result[row] = max(result[row], status)
        return result

    def _with_words(self, words: Iterable[str]) -> Iterable[int]:
        found = [self._by_stem.get(word, set()) for word in words]
        return sorted(set.intersection(*found)) if found else range(len(self._readings))


def _is_denied(asked: Link, said: Mapping[str, Status]) -> bool:
    denied = [said.get(name) is Status.NEGATED for name in asked.findings]
    return all(denied) if asked.either else any(denied)


def _joined(found: Sequence[Status], *, either: bool) -> Status:
    """Status of a question about several findings."""
    if either or Status.NEGATED not in found:
        return max(found) if either else min(found)
    return Status.NEGATED


def _closest(sentence: Sentence, words: frozenset[str]) -> Span:
    """The shortest stretch of the sentence that holds all words."""
    last: dict[str, int] = {}
    best = Span(0, len(sentence.stems) + 1)
    for position, word in enumerate(sentence.stems):
        if word in words:
            last[word] = position
            start = min(last.values())
            if len(last) == len(words) and position + 1 - start < best.end - best.start:
                best = Span(start, position + 1)
    return best
