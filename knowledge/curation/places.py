"""Where quotations stand in the literature of today."""

from collections.abc import Iterable, Mapping

from knowledge.concepts import Evidence
from knowledge.passages import Passage
from knowledge.quotes import is_verbatim


def places(evidence: Iterable[Evidence], passages: Mapping[str, Passage]) -> dict[Evidence, Evidence]:
    """Each quotation at a place where it stands verbatim; those that stand nowhere are left out.

    Its own place counts first, then its own passage, its own document, and any other. The passages are read
    through at most once.
    """
    found: dict[Evidence, Evidence] = {}
    astray: list[Evidence] = []
    for each in dict.fromkeys(evidence):
        own = passages.get(each.passage_id)
        if own is not None and is_verbatim(each, own):
            found[each] = each
        elif each.quote.strip():
            astray.append(each)
    return found | _elsewhere(astray, passages)


def document_of(passage_id: str) -> str:
    """Source and document of a passage."""
    return passage_id.rpartition("#")[0] or passage_id


def _elsewhere(astray: list[Evidence], passages: Mapping[str, Passage]) -> dict[Evidence, Evidence]:
    best: dict[Evidence, tuple[bool, bool]] = {}
    found: dict[Evidence, Evidence] = {}
    for passage in passages.values() if astray else ():
        for each in astray:
            start = passage.text.find(each.quote)
            if start < 0:
                continue
            document = document_of(passage.id) == document_of(each.passage_id)
            rank = passage.id != each.passage_id, not document
            if each not in best or rank < best[each]:
                best[each], found[each] = rank, Evidence(passage.id, each.quote, start)
    return found
