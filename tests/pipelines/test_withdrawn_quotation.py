"""A run between a refresh that was accepted and the next run: a quoted passage may be gone."""

from dataclasses import replace

from knowledge.concepts import Concept, ConceptBank, Evidence
from knowledge.passages import Passage
from models.bottleneck import Contribution
from pipelines.api.messages.prediction import Summand
from pipelines.api.served import quoted
from pipelines.explanation import ExplainedConcept, Quotation


def test_a_quotation_whose_passage_is_gone_is_still_explained() -> None:
    concept = Concept("rib-1", "Is a rib broken?", (Evidence("gone#1", "A rib is broken.", 0),), "rib")
    explained = Quotation.of(concept, {})
    assert (explained.quote, explained.locator) == ("A rib is broken.", "withdrawn from the literature")
    assert quoted(ConceptBank((concept,)), {}) == {}


def test_a_quotation_of_a_retracted_article_says_so() -> None:
    concept = Concept("rib-1", "Is a rib broken?", (Evidence("p1", "A rib is broken.", 0),), "rib")
    contribution = Contribution(concept_id="rib-1", score=0.5, usual=0.1, weight=2.0, amount=0.8)
    article = Passage("p1", "Ribs", "A rib is broken.", "notes", "CC0", "PMID 1", retracted=True)
    for passage, retracted in ((article, True), (replace(article, retracted=False), False)):
        quotation = Quotation.of(concept, {"p1": passage})
        assert Summand.of(ExplainedConcept(contribution, quotation)).retracted is retracted
        assert quotation.place == "PMID 1 · notes · CC0" + " · RETRACTED" * retracted
