"""Looks in a run's literature for another document that says what a concept asks."""

from collections.abc import Iterable

from knowledge.concepts import Concept, Evidence
from knowledge.curation.places import document_of
from knowledge.errors import KnowledgeError
from knowledge.instructions import sift
from knowledge.quotes import best_quote
from knowledge.retrieval.reader import StoreReader
from pipelines.curation import OpenBank

READ = 30
"""Passages read for a concept."""


def further_quotes(opened: OpenBank, concepts: Iterable[Concept]) -> dict[str, Evidence]:
    """By concept id, the best sentence of another document that holds every content word of the question.

    Retracted articles are passed over. Nothing is found before the run has its index.
    """
    wanted = list(concepts)
    try:
        reader = StoreReader(opened.run.path("index"), encoder=None)
        found = reader.search([concept.question for concept in wanted], limit=READ)
    except KnowledgeError:  # no index, or one of another version: a suggestion less
        return {}
    quotes = {}
    for concept, hits in zip(wanted, found, strict=True):
        known = {document_of(each.passage_id) for each in concept.evidence}
        passages, _ = sift(
            opened.passages[each.passage_id] for each in hits if each.passage_id in opened.passages
        )
        others = [each for each in passages if not each.retracted and document_of(each.id) not in known]
        best = best_quote(concept.question, others)
        if best is not None and best[1] == 1.0:
            quotes[concept.id] = best[0]
    return quotes
