"""Finds what a person names: a quotation by its words, a concept by the beginning of its id."""

import re
from collections import Counter
from collections.abc import Mapping

from knowledge.concepts import Concept, ConceptBank, Evidence
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.quotes import SHORTEST
from knowledge.vocabulary import content_words


def find_source(
    quote: str, question: str, passages: Mapping[str, Passage], *, passage_id: str | None = None
) -> Evidence:
    """A quotation that a person gives for a question, at its place.

    Raises:
        KnowledgeError: It stands nowhere, is too short, or says nothing of the question.
    """
    found = find_quote(quote, passages, passage_id=passage_id)
    weak = weakness(found.quote, question)
    if weak:
        raise KnowledgeError(f"The quote `{found.quote[:40]}` {weak}; give the sentence that says it.")
    return found


def weakness(quote: str, question: str) -> str:
    """Why a quote is no source for a question; empty where it may be one."""
    length = len(" ".join(quote.split()))
    if length < SHORTEST:
        return f"has {length} characters of at least {SHORTEST}"
    if not content_words(quote) & content_words(question):
        return f"has no content word of `{question}`"
    return ""


def find_quote(quote: str, passages: Mapping[str, Passage], *, passage_id: str | None = None) -> Evidence:
    """Whole words given by a person, at their place; blanks and line breaks may differ from the passage.

    The passages are read one by one until the first that holds them.

    Raises:
        KnowledgeError: They stand in no passage, or not in the one named.
    """
    if passage_id is not None and passage_id not in passages:
        raise KnowledgeError(
            f"There is no passage {passage_id}; `knobo concepts show` prints the ids of passages."
        )
    words = quote.split()
    if not words:
        raise KnowledgeError("The quote is empty; give the words as they stand in the passage.")
    pattern = _whole_words(words)
    for passage in passages.values() if passage_id is None else [passages[passage_id]]:
        found = pattern.search(passage.text) if words[0] in passage.text else None
        if found is not None:
            return Evidence(passage.id, found[0], found.start())
    where = f"in {passage_id}" if passage_id else f"in any of the {len(passages)} passages"
    raise KnowledgeError(
        f"The quote beginning `{' '.join(words)[:40]}` does not stand {where}; copy it word for word."
    )


def _whole_words(words: list[str]) -> re.Pattern[str]:
    """The words in a row, whatever white space parts them, and not from the middle of a word."""
    text = r"\s+".join(map(re.escape, words))
    before = r"(?<!\w)" if re.match(r"\w", words[0]) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", words[-1]) else ""
    return re.compile(before + text + after)


def by_prefix(bank: ConceptBank, prefix: str, *, of: str = "the bank") -> Concept:
    """The concept whose id, question or former id is meant; the beginning of an id is enough.

    Raises:
        KnowledgeError: None or several fit, or the id is empty.
    """
    if not prefix.strip():
        raise KnowledgeError("The id is empty; `knobo concepts list` prints those of the concepts.")
    exact = [each for each in bank if prefix in {each.id, each.question}]
    formerly = [each for each in bank if prefix in each.formerly]
    fits = exact or formerly or [each for each in bank if each.id.startswith(prefix)]
    fits = fits or [
        each for each in bank if any(name.endswith(f"-{prefix}") for name in (each.id, *each.formerly))
    ]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise KnowledgeError(
            f"No concept of {of} begins with `{prefix}`; `knobo concepts list` prints their ids."
        )
    some = ", ".join(each.id for each in fits[:3])
    raise KnowledgeError(
        f"{len(fits)} concepts have ids that begin with `{prefix}`, e.g. {some}; give more of the id."
    )


def short_ids(bank: ConceptBank) -> dict[str, str]:
    """The hash at the end of each id where it tells the concept from all others, else the whole id."""
    ends = {name: name.rpartition("-")[2] for name in bank.ids}
    counts = Counter(ends.values())
    return {name: end if counts[end] == 1 and len(end) == 8 else name for name, end in ends.items()}
