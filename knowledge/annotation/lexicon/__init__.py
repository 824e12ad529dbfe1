"""The vocabulary of reports as data files: terms, how they are worded, and what denies them."""

from knowledge.annotation.lexicon.terms import Kind, Lexicon, Term, load_lexicon

__all__ = ["Kind", "Lexicon", "Term", "load_lexicon"]
