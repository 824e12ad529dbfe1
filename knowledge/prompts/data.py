"""Untrusted text on its way into a prompt: one line, without characters or marks that only a model reads."""

import re
import unicodedata

LONGEST = 8_000
"""Characters of one value; a report is rarely a third of that."""
MARK = re.compile(
    r"<(?=[/|!]{0,2}[^\W\d])(?!or\b)|<(?=</?[^\W\d])|\|(?=>)|\[(?=/?(?:INST|SYS)\b)|#(?=##)", re.IGNORECASE
)
"""Where marks of chat templates and tags begin or end: `<|im_end|>`, `</s>`, `[INST]`, `<<SYS>>`, `###`."""
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs"})


def as_data(text: str) -> str:
    """The text as a value of a prompt; ordinary sentences come out as they went in.

    Line breaks of every kind become blanks, so that a value cannot begin a line of its own (`Question:`);
    control, zero-width and direction characters go; the marks that a tokenizer would read as the end of a
    turn are broken by a blank; what is longer than any report is cut.
    """
    line = " ".join(text[: 4 * LONGEST].split())
    shown = "".join(each for each in line if each.isascii() or unicodedata.category(each) not in HIDDEN)
    plain = "".join(each for each in shown if each.isprintable())
    return MARK.sub(r"\g<0> ", plain)[:LONGEST].strip()
