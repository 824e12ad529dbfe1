"""Which sentences of a passage describe a visible sign, and which of their words carry content."""

import re
from collections.abc import Iterable

from knowledge.concepts import Evidence
from knowledge.instructions import looks_like_instructions
from knowledge.passages import Passage
from knowledge.sentences import sentences
from knowledge.vocabulary import WORD, content_words, default_vocabulary, stems

SHORTEST, LONGEST = 30, 300
INVISIBLE_WEIGHT = 2.0
ADVICE = re.compile(r"\byour?\b", re.IGNORECASE)
"""Pages for patients tell them what to expect, rarely what an image shows."""
NEGATIONS = frozenset(stems("no not without none never"))


def is_verbatim(evidence: Evidence, passage: Passage) -> bool:
    """Whether the quote stands at its place in the passage, character by character."""
    end = evidence.start + len(evidence.quote)
    return bool(evidence.quote) and passage.text[evidence.start : end] == evidence.quote


def sign_score(sentence: str) -> float:
    """How much a sentence speaks of visible signs: share of visible less twice the invisible words."""
    vocabulary = default_vocabulary()
    words = content_words(sentence)
    visible, invisible = len(words & vocabulary.visible), len(words & vocabulary.invisible)
    return (visible - INVISIBLE_WEIGHT * invisible) / max(len(words), 1)


def candidate_sentences(passage: Passage, *, least: int = 2, score: float = 0.25) -> list[Evidence]:
    """Sentences worth a question, best first: of 30 to 300 characters, whole, and about something to be seen.

    Args:
        passage: Where to look.
        least: Visible words a sentence needs.
        score: Share of visible words among its content words that it needs.
    """
    found: list[tuple[float, Evidence]] = []
    for span in sentences(passage.text):
        quote = passage.text[span.start : span.end]
        if not _is_sentence(quote):
            continue
        value = sign_score(quote)
        if value >= score and len(content_words(quote) & default_vocabulary().visible) >= least:
            found.append((value, Evidence(passage.id, quote, span.start)))
    return [evidence for _, evidence in sorted(found, key=lambda pair: (-pair[0], pair[1].start))]


def missing_words(question: str, quotes: Iterable[str]) -> frozenset[str]:
    """Content words and negations of the question that stand in none of the quotes."""
    return _claims(question).difference(*map(_claims, quotes))


def support(question: str, quote: str) -> float:
    """Share of the question's content words and negations that stand in the quote, in [0, 1]."""
    asked = _claims(question)
    return 1.0 - len(missing_words(question, [quote])) / len(asked) if asked else 0.0


def _claims(text: str) -> frozenset[str]:
    return content_words(text) | (NEGATIONS & frozenset(stems(text)))


def best_quote(question: str, passages: Iterable[Passage]) -> tuple[Evidence, float] | None:
    """The sentence that holds the largest share of the question's content words; the first among equals."""
    best: tuple[Evidence, float] | None = None
    for passage in passages:
        for span in sentences(passage.text):
            quote = passage.text[span.start : span.end]
            share = support(question, quote)
            if share > (best[1] if best else 0.0) and SHORTEST <= len(quote) <= LONGEST:
                best = Evidence(passage.id, quote, span.start), share
    return best


def sound_quote(question: str, passages: Iterable[Passage], *, least: float) -> tuple[Evidence, float] | None:
    """`best_quote` of what was not retracted; of the rest, too, only where that holds less than `least`."""
    given = list(passages)
    sound = best_quote(question, (each for each in given if not each.retracted))
    return sound if sound and sound[1] >= least else best_quote(question, given)


def _is_sentence(text: str) -> bool:
    """Neither heading, list of sources, question, fragment nor command to a language model."""
    return (
        SHORTEST <= len(text) <= LONGEST
        and text[0].isupper()
        and text.endswith((".", ";"))
        and not text.startswith("Sources:")
        and not ADVICE.search(text)
        and len(WORD.findall(text)) >= 5
        and not looks_like_instructions(text)
    )
