"""Word lists by which sentences and questions are judged without a model: plain text files, one list each."""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from knowledge.annotation.stemming import stem

WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?|\d+")

SHADES = {
    "bluish": "blue",
    "brownish": "brown",
    "grayish": "gray",
    "greyish": "grey",
    "pinkish": "pink",
    "reddish": "red",
    "whitish": "white",
    "yellowish": "yellow",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Stems by kind.

    Attributes:
        visible: Appearance (color, shape, border, size, place, density) and structures seen in images.
        invisible: Symptoms, history, laboratory, treatment, epidemiology, histology, other modalities.
        neutral: Function words, and words that any question may add: `seen`, `visible`, `image`.
    """

    visible: frozenset[str]
    invisible: frozenset[str]
    neutral: frozenset[str]


@cache
def default_vocabulary() -> Vocabulary:
    """The word lists of this package, for chest radiographs and skin lesions."""
    return Vocabulary(_read("visible"), _read("invisible"), _read("neutral"))


def stems(text: str) -> list[str]:
    """Stems of the words of a text, in order; hyphens and possessives separate."""
    words = (word.lower().removesuffix("'s") for word in WORD.findall(text))
    return [stem(SHADES.get(word, word)) for word in words]


def content_words(text: str) -> frozenset[str]:
    """Stems of the words that carry content: without function words and words like `visible` or `image`."""
    return frozenset(stems(text)) - default_vocabulary().neutral


def read_words(name: str) -> frozenset[str]:
    """The words of one list as they stand."""
    text = resources.files("knowledge.vocabulary").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() for word in line.partition("#")[0].split())


def _read(name: str) -> frozenset[str]:
    return frozenset(each for word in read_words(name) for each in stems(word))
