"""Whether a mention is stated, hedged or denied: trigger words and their scope, after ConText.

Harkema et al., ConText, J Biomed Inform 42 (2009). The triggers are data (`lexicon/assertion.toml`).
"""

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache
from typing import Protocol

from knowledge.annotation.data_files import data_text
from knowledge.annotation.phrases import Match, PhraseIndex
from knowledge.annotation.report_text import Sentence


class Status(IntEnum):
    """What is said about a mention; where a report says several things, the highest counts."""

    SILENT = 0
    NEGATED = 1
    HEDGED = 2
    STATED = 3


class Role(Enum):
    """What a trigger does to the mentions in its scope."""

    NEGATED = "negated"
    HEDGED = "hedged"
    NEUTRAL = "neutral"
    BOUNDARY = "boundary"
    ADJECTIVE = "adjective"


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `start` to `end` (exclusive) of a sentence.

    Attributes:
        words: Stems that the mention itself names; a trigger that begins with one of them (`not raised`,
            `negative network`) does not act on it.
    """

    start: int
    end: int
    words: frozenset[str] = frozenset()


class Assertion(Protocol):
    """Tells the status of mentions; one implementation here, others in the benchmarks."""

    @property
    def digest(self) -> str:
        """Names the rules."""
        ...

    def statuses(self, sentence: Sentence, spans: Sequence[Span]) -> list[Status]:
        """Status of each span of the sentence."""
        ...


@dataclass(frozen=True, slots=True)
class _Trigger:
    span: Span
    first: str
    role: Role
    forward: bool
    backward: bool


_AND_OR = frozenset({"and", "or", "nor"})
_OR = frozenset({"or", "nor"})


class AssertionRules:
    """Triggers act forward or backward to the next boundary word or the end of the sentence.

    An adjective after a comma is a boundary as well, unless it stands inside a list.
    """

    def __init__(self, text: str) -> None:
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        groups = tomllib.loads(text)["trigger"]
        self._kinds = [(Role(group["role"]), group.get("direction", "none")) for group in groups]
        phrases = [(str(i), phrase) for i, group in enumerate(groups) for phrase in group["phrases"]]
        self._index = PhraseIndex(phrases)

    def statuses(self, sentence: Sentence, spans: Sequence[Span]) -> list[Status]:
        """Status of each span."""
        if not spans:
            return []
        triggers = self._triggers(sentence)
        return [_status(triggers, span) for span in spans]

    def _triggers(self, sentence: Sentence) -> list[_Trigger]:
        found = []
        matches = self._index.find(sentence)
        boundaries = self._of(matches, {Role.BOUNDARY})
        others = self._of(matches, set(Role) - {Role.BOUNDARY, Role.ADJECTIVE})
        cuts = boundaries + others
        adjectives = self._of(matches, {Role.ADJECTIVE})
        for match in cuts + [match for match in adjectives if not _in_list(sentence, match, cuts)]:
            role, direction = self._kinds[int(match.key)]
            span, first = Span(match.start, match.end), sentence.stems[match.start]
            forward, backward = direction in {"forward", "both"}, direction in {"backward", "both"}
            kept = Role.BOUNDARY if role is Role.ADJECTIVE else role
            found.append(_Trigger(span, first, kept, forward, backward))
        return found

    def _of(self, matches: Iterable[Match], roles: set[Role]) -> list[Match]:
        return _longest(match for match in matches if self._kinds[int(match.key)][0] in roles)


def _in_list(sentence: Sentence, match: Match, cuts: Sequence[Match]) -> bool:
    """`no A, calcified B or C`: an `or` follows, and nothing before the comma has closed the list."""
    start = max((cut.end for cut in cuts if cut.end <= match.start), default=0)
    end = min((cut.start for cut in cuts if cut.start >= match.end), default=len(sentence.stems))
    before, after = sentence.stems[start : match.start], sentence.stems[match.end : end]
    return _AND_OR.isdisjoint(before) and not _OR.isdisjoint(after)


def _longest(matches: Iterable[Match]) -> list[Match]:
    """Drops a trigger that lies inside a longer one (`no change in` is not `no`)."""
    kept: list[Match] = []
    for match in sorted(matches, key=lambda match: (match.start - match.end, match.start)):
        if not any(match.start < other.end and other.start < match.end for other in kept):
            kept.append(match)
    return sorted(kept, key=lambda match: match.start)


def _status(triggers: Sequence[_Trigger], span: Span) -> Status:
    roles = {trigger.role for trigger in triggers if _acts_on(trigger, span, triggers)}
    if Role.NEGATED in roles:
        return Status.NEGATED
    return Status.HEDGED if Role.HEDGED in roles else Status.STATED


def _acts_on(trigger: _Trigger, span: Span, triggers: Sequence[_Trigger]) -> bool:
    if trigger.role not in {Role.NEGATED, Role.HEDGED}:
        return False
    if span.start <= trigger.span.start and trigger.span.end <= span.end:
        return trigger.first not in span.words
    if trigger.forward and trigger.span.end <= span.start + 1:
        between = Span(trigger.span.end, span.start)
    elif trigger.backward and trigger.span.start >= span.end - 1:
        between = Span(span.end, trigger.span.start)
    else:
        return False
    return not any(
        other.role is Role.BOUNDARY and between.start <= other.span.start < between.end for other in triggers
    )


@cache
def default_assertion() -> AssertionRules:
    """The rules shipped in `lexicon/assertion.toml`."""
    return AssertionRules(data_text("assertion") or "")
