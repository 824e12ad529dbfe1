"""Which terms of the lexicon a concept's question is about."""

from dataclasses import dataclass, replace
from functools import cache

from knowledge.annotation.assertion import Span, Status, default_assertion
from knowledge.annotation.data_files import data
from knowledge.annotation.lexicon import Kind, Lexicon
from knowledge.annotation.phrases import Match, PhraseIndex
from knowledge.annotation.report_text import Sentence, read_sentence
from knowledge.annotation.stemming import stem


@dataclass(frozen=True, slots=True)
class Link:
    """How a question is looked up in reports.

    Attributes:
        findings: Findings or normal statements asked for.
        either: One of `findings` is enough; otherwise all are needed.
        modifiers: Modifiers that must stand in the same sentence as the finding.
        words: Stems that narrow the finding further: where it is stated without them, the answer is open.
            Without findings, the whole content of the question.
    """

    findings: tuple[str, ...]
    either: bool
    modifiers: tuple[str, ...]
    words: frozenset[str]

    @property
    def narrowed(self) -> bool:
        """Whether a mention of the finding alone is not enough."""
        return bool(self.modifiers or self.words)


@dataclass(frozen=True, slots=True)
class _Wording:
    ignored: frozenset[str]
    places: frozenset[str]
    either: PhraseIndex


@cache
def _wording() -> _Wording:
    words = data("wording")
    ignored = frozenset(stem(word) for word in words["ignored"].split())
    places = frozenset(stem(word) for word in words["places"].split())
    return _Wording(ignored, places, PhraseIndex(("either", phrase) for phrase in words["either"]))


def link(question: str, lexicon: Lexicon) -> Link:
    """The longest terms of the question that do not overlap, and the words they leave over."""
    sentence = read_sentence(question)
    chosen = _longest_first(sentence, lexicon)
    findings = _asked_for(sentence, chosen, lexicon)
    modifiers = tuple(match.key for match in chosen if lexicon.by_name[match.key].kind is Kind.MODIFIER)
    words = _content(sentence)
    if not findings:
        return Link((), either=False, modifiers=(), words=words)
    known = {word for name in findings for word in lexicon.wording[name]}
    known |= {word for match in chosen for word in match.words}
    either = bool(_wording().either.find(sentence))
    return Link(findings, either, modifiers, frozenset(words - known - _wording().places))


def _asked_for(sentence: Sentence, chosen: list[Match], lexicon: Lexicon) -> tuple[str, ...]:
    """Findings of the question, less those that it wants absent (`clear lungs without nodules`)."""
    matches = [match for match in chosen if lexicon.by_name[match.key].kind is not Kind.MODIFIER]
    statuses = default_assertion().statuses(sentence, [Span(match.start, match.end) for match in matches])
    wanted = [match for match, status in zip(matches, statuses, strict=True) if status is not Status.NEGATED]
    return tuple(match.key for match in wanted or matches)


def _content(sentence: Sentence) -> frozenset[str]:
    return frozenset(word for word in sentence.stems if word.isalpha() and word not in _wording().ignored)


def _longest_first(sentence: Sentence, lexicon: Lexicon) -> list[Match]:
    """Matches that do not overlap: findings before modifiers, more named words before fewer."""

    def order(match: Match) -> tuple[bool, int, int, bool, int]:
        term = lexicon.by_name[match.key]
        named = sum(word in match.words for word in sentence.stems[match.start : match.end])
        skipped = match.end - match.start - named
        return (
            term.kind is Kind.MODIFIER,
            -named,
            skipped,
            term.kind is Kind.STATEMENT,
            -len(lexicon.broader[match.key]),
        )

    matches = sorted(lexicon.index.find(sentence), key=order)
    chosen: list[Match] = []
    for match in matches:
        if match.key in {other.key for other in chosen}:
            continue
        if all(match.end <= other.start or other.end <= match.start for other in chosen):
            chosen.append(match)
    specific = [_specific(match, matches, lexicon) for match in chosen]
    return sorted(specific, key=lambda match: match.start)


def _specific(match: Match, matches: list[Match], lexicon: Lexicon) -> Match:
    """In `aorta tortuous or calcified`, `calcified` is that of the aorta: the term that hides it is meant."""
    for other in matches:
        inside = other.start <= match.start and match.end <= other.end
        if inside and match.key in lexicon.by_name[other.key].hides:
            return replace(match, key=other.key)
    return match
