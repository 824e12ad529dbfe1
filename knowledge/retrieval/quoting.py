"""The sentence of a passage that a search result shows."""

import re

from knowledge.passages import Passage
from knowledge.sentences import sentences

_WORD = re.compile(r"\w{3,}")
_STEM = 5  # letters that tell words from each other: effusion, effusions


def telling_sentence(passage: Passage, query: str) -> str:
    """The sentence that shares most words with the query, verbatim; the first of equal ones."""
    wanted = _stems(query)
    spans = [passage.text[span.start : span.end] for span in sentences(passage.text)] or [passage.text]
    return max(spans, key=lambda text: len(wanted & _stems(text)))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold())}
