"""Reduces a word to a stem, so that `enlarged`, `enlarges` and `enlargement` meet."""

from functools import lru_cache

from knowledge.annotation.data_files import data

_IRREGULAR: dict[str, str] = data("english")["irregular"]
_AS_NOUN = (("ification", "ify"), ("ified", "ify"), ("ifying", "ify"), ("ence", "ent"), ("ance", "ant"))
_ENDINGS = (
    ("ation", 4), ("ative", 4), ("ating", 4), ("atory", 4), ("ated", 4), ("ate", 4),
    ("ment", 5), ("ically", 4), ("ity", 4), ("ion", 4), ("ing", 3), ("ed", 3), ("ly", 4),
)  # fmt: skip
_VOWELS = set("aeiouy")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Stem of a lower-case word; numbers and words of up to three letters stay as they are."""
    if word in _IRREGULAR:
        return _without_e(_singular(_IRREGULAR[word]))
    if len(word) <= 3 or not word.isalpha():
        return word
    single = _singular(word)
    return _without_e(_without_ending(_IRREGULAR.get(single, single)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word: str) -> str:
    for ending, noun in _AS_NOUN:
        if word.endswith(ending) and len(word) > len(ending) + 3:
            return word[: -len(ending)] + noun
    for ending, shortest in _ENDINGS:
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= shortest and _VOWELS & set(root):
            return _undoubled(root)
    return word


def _undoubled(root: str) -> str:
    doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz"
    return root[:-1] if doubled else root


def _without_e(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("e") else word
