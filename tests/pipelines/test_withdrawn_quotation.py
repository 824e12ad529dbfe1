"""A run between a refresh that was accepted and the next run: a quoted passage may be gone."""

from knowledge.concepts import Concept, ConceptBank, Evidence
from models.bottleneck import Contribution
from pipelines.api.served import quoted
from pipelines.explanation import with_evidence


def test_a_quotation_whose_passage_is_gone_is_still_explained() -> None:
    concept = Concept("rib-1", "Is a rib broken?", (Evidence("gone#1", "A rib is broken.", 0),), "rib")
    contribution = Contribution(concept_id="rib-1", score=0.5, usual=0.1, weight=2.0, amount=0.8)
    explained = with_evidence(contribution, concept, {})
    assert (explained.quote, explained.locator) == ("A rib is broken.", "withdrawn from the literature")
    assert quoted(ConceptBank((concept,)), {}) == {}
