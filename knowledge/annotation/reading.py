"""What each sentence of a report says about the terms of a lexicon."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.annotation.assertion import Assertion, Span, Status
from knowledge.annotation.lexicon import Kind, Lexicon
from knowledge.annotation.phrases import Match
from knowledge.annotation.report_text import Sentence


@dataclass(frozen=True, slots=True)
class SentenceReading:
    """One sentence, read once however many reports share it.

    Attributes:
        sentence: The words.
        statuses: Findings and normal statements with what is said about them, narrower terms included.
        modifiers: Modifiers that stand anywhere in the sentence, broader ones included.
    """

    sentence: Sentence
    statuses: tuple[tuple[str, Status], ...]
    modifiers: frozenset[str]


def read(sentence: Sentence, lexicon: Lexicon, assertion: Assertion) -> SentenceReading:
    """Mentions of the lexicon's terms and their status."""
    matches = lexicon.index.find(sentence)
    mentions = [match for match in matches if lexicon.by_name[match.key].kind is not Kind.MODIFIER]
    mentions = [match for match in mentions if not _hidden(match, mentions, lexicon)]
    found = assertion.statuses(sentence, [Span(match.start, match.end, match.words) for match in mentions])
    modifiers = frozenset(
        name
        for match in matches
        if lexicon.by_name[match.key].kind is Kind.MODIFIER
        for name in lexicon.broader[match.key]
    )
    pairs = zip((match.key for match in mentions), found, strict=True)
    return SentenceReading(sentence, tuple(highest(_implied(pairs, lexicon)).items()), modifiers)


def highest(pairs: Iterable[tuple[str, Status]]) -> dict[str, Status]:
    """The highest status of each name: stated over hedged over denied."""
    best: dict[str, Status] = {}
    for name, status in pairs:
        best[name] = max(status, best.get(name, Status.SILENT))
    return best


def _implied(pairs: Iterable[tuple[str, Status]], lexicon: Lexicon) -> Iterator[tuple[str, Status]]:
    """Presence holds for broader terms, absence for narrower ones, and a normal statement denies."""
    for name, status in pairs:
        if lexicon.by_name[name].kind is Kind.STATEMENT:
            yield name, status
            if status is Status.STATED:
                yield from ((narrower, Status.NEGATED) for narrower in _denied(name, lexicon))
        elif status is Status.NEGATED:
            yield from ((narrower, status) for narrower in lexicon.narrower[name])
        else:
            yield from ((broader, status) for broader in lexicon.broader[name])


def _denied(statement: str, lexicon: Lexicon) -> Iterator[str]:
    for denied in lexicon.by_name[statement].denies:
        yield from lexicon.narrower[denied]


def _hidden(match: Match, mentions: Sequence[Match], lexicon: Lexicon) -> bool:
    """`effusion` within `pericardial effusion` is no mention of a pleural effusion."""
    return any(
        other.start <= match.start
        and match.end <= other.end
        and match.key in lexicon.by_name[other.key].hides
        for other in mentions
    )
