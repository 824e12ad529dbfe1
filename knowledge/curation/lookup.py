"""Finds what a person names: a quotation by its words, a concept by the beginning of its id."""

from collections import Counter
from collections.abc import Mapping, Sequence

from knowledge.concepts import Concept, ConceptBank, Evidence
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage


def find_quote(quote: str, passages: Mapping[str, Passage], *, passage_id: str | None = None) -> Evidence:
    """A quotation given by a person, at its place; blanks and line breaks may differ from the passage.

    Raises:
        KnowledgeError: It stands in no passage, or not in the one named.
    """
    if passage_id is not None and passage_id not in passages:
        raise KnowledgeError(
            f"There is no passage {passage_id}; `knobo search` and `show` print passage ids."
        )
    among = [passages[passage_id]] if passage_id is not None else list(passages.values())
    words = quote.split()
    if not words:
        raise KnowledgeError("The quote is empty; give the words as they stand in the passage.")
    for passage in among:
        found = _slice(words, passage.text)
        if found is not None:
            return Evidence(passage.id, passage.text[found[0] : found[1]], found[0])
    where = f"in {passage_id}" if passage_id else f"in any of the {len(among)} passages"
    raise KnowledgeError(
        f"The quote beginning `{' '.join(words)[:40]}` does not stand {where}; copy it word for word."
    )


def _slice(words: Sequence[str], text: str) -> tuple[int, int] | None:
    """Start and end of the words in a row, whatever white space parts them."""
    start = text.find(words[0])
    while start >= 0:
        end = start + len(words[0])
        for word in words[1:]:
            gap = len(text[end:]) - len(text[end:].lstrip())
            if not gap or not text.startswith(word, end + gap):
                break
            end += gap + len(word)
        else:
            return start, end
        start = text.find(words[0], start + 1)
    return None


def by_prefix(bank: ConceptBank, prefix: str, *, of: str = "the bank") -> Concept:
    """The concept whose id, question or former id is meant; the beginning of an id is enough.

    Raises:
        KnowledgeError: None or several fit.
    """
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
