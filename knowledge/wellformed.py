"""Whether a proposed question reads as a yes/no question about one sign, judged by its form alone."""

import re
from itertools import pairwise

from knowledge.vocabulary import WORD, content_words, read_words, stems

SHAPE = re.compile(r"(?:Is|Are|Does|Do) [A-Za-z0-9][^?.!:;\n]*\?")
NEGATION = re.compile(r"\b(?:no|not|never|none|absent|absence|lacking|lacks?|fails?)\b", re.IGNORECASE)
REASONING = re.compile(
    r"\b(?:suggest|indicat|caus|favou?r|associat|diagnos|typical|compatible|consistent|common|usual|mark|mean|"
    r"signs? of|feature of|evidence of|clue|suspicious|suspicion|predict|accompan|due to|raise|argue|"
    r"distinguish|differ|resembl|report|stated|considered|called|known)\w*",
    re.IGNORECASE,
)
DANGLING = re.compile(r"\b(?:this|these|those|that side|such|it|its|they|their)\b", re.IGNORECASE)
IMAGE = re.compile(
    r"\b(?:x-?rays?|x rays?|radiographs?|radiography|pictures?|photographs?|scans?|you|your)\b", re.IGNORECASE
)
"""Asked of an image, a question about the image says nothing."""
FEWEST_WORDS, MOST_WORDS = 4, 16
FEWEST_CONTENT_WORDS = 2
PREPOSITION = re.compile(
    r"\b(?:in|of|on|at|by|for|with|without|within|above|below|behind|beside|beyond|between|over|under|along|across|"
    r"from|to|toward|towards|near|around|through|than|that|which|whose|and|or|into|inside|outside|against|about|as|like|away)\b"
)
DETERMINERS = frozenset({"the", "a", "an", "any", "some", "there", "one", "two", "three", "both", "more"})
SINGULAR_IN_S = re.compile(r"(?:ss|us|is|as)$")
PLURALS = read_words("plurals")
STATE = re.compile(r"(?:ed|ing|ic|ous|ent|ar|al|ive|ible|able)$")
STATES = read_words("states")
NOT_STATES = read_words("not_states")


def is_well_formed(question: str) -> bool:
    """Whether `yes` to it would mean that something definite is there, and its grammar holds."""
    words = [word.lower() for word in WORD.findall(question)]
    return (
        SHAPE.fullmatch(question) is not None
        and FEWEST_WORDS <= len(words) <= MOST_WORDS
        and not NEGATION.search(question)
        and not REASONING.search(question)
        and not DANGLING.search(question)
        and not IMAGE.search(question)
        and all(first != second for first, second in pairwise(words))
        and len(content_words(question)) >= FEWEST_CONTENT_WORDS
        and _repeats_nothing(question)
        and words[-1] not in DETERMINERS
        and not PREPOSITION.fullmatch(words[-1])
        and _agrees(words)
        and _is_complete(words)
    )


def _repeats_nothing(question: str) -> bool:
    """`Does the heart have a narrow heart` says its subject twice."""
    content = [word for word in stems(question) if word in content_words(question)]
    return len(content) == len(set(content))


def is_plural(word: str) -> bool:
    """Whether a noun looks plural."""
    return word in PLURALS or (len(word) > 3 and word.endswith("s") and not SINGULAR_IN_S.search(word))


def subject(words: list[str]) -> list[str]:
    """The words after the verb up to the first preposition or conjunction."""
    rest = " ".join(words[1:])
    found = PREPOSITION.search(rest)
    return (rest[: found.start()] if found else rest).split()


def _agrees(words: list[str]) -> bool:
    """`Is there a line` and `Are the lines`, not `Is the lungs` or `Are there a line`."""
    head = subject(words)
    nouns = [word for word in head if word not in DETERMINERS]
    if not nouns:
        return False
    if words[0] in {"is", "does"}:
        first_plural = next((word for word in nouns if is_plural(word)), None)
        return first_plural is None or (words[0] == "does" and not is_plural(nouns[0]))
    joined = "and" in words
    return (any(is_plural(word) for word in nouns) or joined) and not {"a", "an", "one"} & set(head)


def _is_complete(words: list[str]) -> bool:
    """`Is the heart enlarged` says something of its subject; `Is the heart of the chest` does not."""
    if words[0] in {"does", "do"}:
        return len(words) > 4
    head = subject(words)
    if "there" in head:
        return len(head) > 1
    nouns = [word for word in head if word not in DETERMINERS]
    said = (len(nouns) > 1 and _is_state(nouns[-1])) or (len(words) > len(head) + 2 and _is_state(words[-1]))
    return said and not {"is", "are"} & set(words[1:])


def _is_state(word: str) -> bool:
    return word in STATES or (STATE.search(word) is not None and word not in NOT_STATES)
