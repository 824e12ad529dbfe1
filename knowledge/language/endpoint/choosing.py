"""Probabilities of options from what a server says of the first token, or from one word."""

import math
import re
from collections.abc import Sequence

WORD = re.compile(r"[^\W_]+")


def option_of(token: str, options: Sequence[str]) -> int | None:
    """The option that a token begins, if it begins just one; blanks and capitals aside."""
    text = token.strip().strip('"*').lower()
    if not text:
        return None
    exact = [i for i, option in enumerate(options) if option.lower() == text]
    begun = exact or [i for i, option in enumerate(options) if option.lower().startswith(text)]
    return begun[0] if len(begun) == 1 else None


def shares(top: Sequence[tuple[str, float]], options: Sequence[str]) -> list[float] | None:
    """Shares of the options among the first tokens listed, summing to 1; none where no option is listed.

    An option that is not listed has at most the probability of the last one listed, and at most what the
    listed ones leave: it is given the smaller of the two, which claims the least certainty.
    """
    mass = [0.0] * len(options)
    for token, value in top:
        if (i := option_of(token, options)) is not None:
            mass[i] += math.exp(value)
    if not any(mass):
        return None
    listed = [math.exp(value) for _, value in top]
    rest = min(*listed, max(0.0, 1.0 - sum(listed)))
    filled = [each or rest for each in mass]
    return [each / sum(filled) for each in filled]


def first_option(reply: str, options: Sequence[str]) -> int | None:
    """The option that a reply begins with, after `Answer` if need be; none where it begins otherwise."""
    words = [word.lower() for word in WORD.findall(reply)]
    if words[:1] == ["answer"]:
        words = words[1:]
    spelt = [WORD.findall(option.lower()) for option in options]
    found = [i for i, option in enumerate(spelt) if words[: len(option)] == option]
    return max(found, key=lambda i: len(spelt[i]), default=None)
