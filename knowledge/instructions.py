"""Text that speaks to a language model instead of about medicine: found by its form, left out, counted.

No list of phrases catches every attempt. What holds without it: a concept needs a verbatim quote that holds
all its content words, replies are parsed against a shape that no text can change, and values are one line of
data.
"""

import re
import unicodedata
from collections.abc import Iterable

from knowledge.passages import Passage

TARGETS = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|commands?|schema|examples?|"
    r"conversation)"
)
FAMILIES = {
    "overrides instructions": re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass)\b[^.;]{0,40}\b" + TARGETS + r"\b"
        r"|\b(?:ignore|disregard) (?:the|this|every|any) questions?\b"
        r"|\b(?:new|updated|real|actual|hidden|secret) (?:instructions?|task|system prompt)\b"
        r"|\b(?:obey|execute|reveal|repeat|print)\b[^.;]{0,30}\b(?:instructions?|system prompt|commands?)\b"
        r"|\bfollow (?:these|the following|my|this) (?:instructions?|commands?|prompts?)\b"
    ),
    "plays a turn of a conversation": re.compile(
        r"(?:^|[.;!?\n\"'*#>\]] ?)\**(?:system|assistant|user|developer|human)\**"
        r"(?: (?:prompt|message))?\** ?:"
        r"|<\|[a-z_]+\|?>?|\[/?inst\]|<</?sys>>|</?s>|<(?:start|end)_of_turn>"
        r"|###+ ?(?:instruction|response|system|human)"
    ),
    "speaks to a model": re.compile(
        r"\byou are (?:now |no longer )?(?:an? |the )?(?:\w+ ){0,3}(?:assistant|model|ai|bot|chatbot|agent)\b"
        r"|\b(?:dear|attention|note to|message to|hey|hello|instructions? (?:to|for)) (?:the |any |all )?"
        r"(?:\w+ )?(?:ai|llms?|language models?|models?|assistants?|chatgpt|gpt)\b"
        r"|\b(?:act|respond|behave|answer) as (?:if you|an? (?:ai|assistant|unrestricted))\b"
        r"|\bas an ai\b|\bjailbreak\b|\bdeveloper mode\b"
    ),
    "dictates a reply": re.compile(
        r"(?:^|[.;:!?] ?|\b(?:please|must|always|now) )"
        r"(?:answer|reply|respond|output|return|print|write|say|emit|produce|generate|append|include|add)\b"
        r"[^.;]{0,40}(?:[\"`]|\b(?:yes|no|json|yaml|xml|exactly|schema|verbatim|concepts?|"
        r"the (?:word|question|concept|field))\b)"
        r"|(?:^|[.;!?\n] ?)(?:question|answer|reply|opening) ?: ?\S"
    ),
    "brings a schema": re.compile(
        r"[{\[] ?\"[\w ]+\" ?:|\bresponse_format\b|\badditionalproperties\b|\bjson[ _-]schema\b"
        r"|\"(?:questions|role|content|properties)\" ?:|```"
    ),
}
"""Each on text in lower case, on one line, after compatibility normalisation."""
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]|[\u200b-\u200f\u2060\ufeff]{3}")
"""Changes of direction, tag characters, and runs of characters without width."""
LOOK_ALIKE = str.maketrans("авеѕіоркстухһԁ", "abesiopkctyxhd")
"""Cyrillic letters that look like Latin ones."""


def looks_like_instructions(text: str) -> tuple[str, ...]:
    """The ways in which a text speaks to a model; empty for ordinary text."""
    hidden = ("hides characters",) if HIDDEN.search(text) else ()
    plain = "".join(
        each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) not in {"Cf", "Mn"}
    )
    line = " ".join(plain.translate(LOOK_ALIKE).split()).lower().translate(LOOK_ALIKE)
    return (*(name for name, pattern in FAMILIES.items() if pattern.search(line)), *hidden)


def instructive_passages(passages: Iterable[Passage]) -> dict[str, tuple[str, ...]]:
    """Ids of the passages that look like instructions, with the ways in which they do."""
    found = ((passage.id, looks_like_instructions(passage.text)) for passage in passages)
    return {name: ways for name, ways in found if ways}


def sift(passages: Iterable[Passage]) -> tuple[list[Passage], dict[str, tuple[str, ...]]]:
    """The passages that may be quoted, in order, and the ids of the others with what speaks against them."""
    given = list(passages)
    instructive = instructive_passages(given)
    return [passage for passage in given if passage.id not in instructive], instructive
