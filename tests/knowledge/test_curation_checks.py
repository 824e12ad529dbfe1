"""What is to be looked at in a bank, against small banks whose faults are put in by hand."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.table import AnnotationTable, Answer
from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept, ConceptBank, Evidence, make_concept
from knowledge.curation.checks import (
    Finding,
    class_leaks,
    one_sided,
    same_for_all,
    signs_disagree,
    sources,
    weak_quotes,
)
from knowledge.curation.duplicates import near_duplicates, same_answers, same_finding
from knowledge.passages import Passage
from knowledge.priors.table import Override

FIRST = Passage("h/a.md#1", "", "The heart is enlarged. A line is seen.", "h", "CC0", "a.md")
SECOND = Passage("h/a.md#2", "", "The heart is enlarged.", "h", "CC0", "a.md, End")
WITHDRAWN = Passage("p/9#1", "", "The heart is enlarged.", "p", "CC0", "PMID 9", retracted=True)
PASSAGES = {each.id: each for each in (FIRST, SECOND, WITHDRAWN)}


def quote(passage: Passage, text: str) -> Evidence:
    return Evidence(passage.id, text, passage.text.index(text))


HEART = quote(FIRST, "The heart is enlarged.")


def bank_of(*questions: str, evidence: Sequence[Evidence] = (HEART,)) -> ConceptBank:
    return ConceptBank(tuple(make_concept(each, evidence, "") for each in questions))


def kinds(findings: Iterable[Finding]) -> list[str]:
    return [each.kind for each in findings]


def test_class_names_and_synonyms_leak_in_any_form() -> None:
    bank = bank_of(
        "Are there pneumonias?", "Is there a consolidated lung?", "Is the lung infected?", "Is it red?"
    )
    classes = [ClassTerms("pneumonia", ("lung infection", "infected lung", "consolidated lung"))]
    assert [each.concept_ids[0] for each in class_leaks(bank, classes)] == list(bank.ids[:3])


def test_quotes_that_do_not_stand_or_do_not_speak_of_the_question_are_weak() -> None:
    good, none = bank_of("Is the heart enlarged?"), bank_of("Is the heart enlarged?", evidence=())
    assert list(weak_quotes(good, PASSAGES)) == []
    assert kinds(weak_quotes(none, PASSAGES)) == ["unquoted"]
    moved = bank_of("Is the heart enlarged?", evidence=(replace(HEART, start=1),))
    assert kinds(weak_quotes(moved, PASSAGES)) == ["not_verbatim"]
    absent = bank_of("Is the heart enlarged?", evidence=(replace(HEART, passage_id="x"),))
    assert "is not in the literature" in next(iter(weak_quotes(absent, PASSAGES))).reason
    (found,) = weak_quotes(bank_of("Is the aorta enlarged?"), PASSAGES)
    assert (found.kind, "`aorta`" in found.reason) == ("unsupported", True)
    both = bank_of("Is a line of the heart seen?", evidence=(HEART, quote(FIRST, "A line is seen.")))
    assert list(weak_quotes(both, PASSAGES)) == []


def test_withdrawn_and_single_sources_are_named() -> None:
    same_document = bank_of(
        "Is the heart enlarged?", evidence=(HEART, quote(SECOND, "The heart is enlarged."))
    )
    (sole,) = sources(same_document, PASSAGES)
    assert (sole.kind, "a.md" in sole.reason) == ("sole_source", True)
    withdrawn = quote(WITHDRAWN, "The heart is enlarged.")
    alone = list(sources(bank_of("Is the heart enlarged?", evidence=(withdrawn,)), PASSAGES))
    assert kinds(alone) == ["retracted", "sole_source"]
    assert "nothing else" in alone[0].reason
    (beside,) = sources(bank_of("Is the heart enlarged?", evidence=(withdrawn, HEART)), PASSAGES)
    assert "other sources, too" in beside.reason


def test_a_question_about_one_side_misses_its_mirror_image() -> None:
    bank = bank_of(
        "Is the Left lung dark?", "Is the right lung dark?", "Is there fluid on the right?", "Is it dark?"
    )
    (found,) = one_sided(bank)
    assert found.concept_ids == (bank.ids[2],)
    assert "`Is there fluid on the left?`" in found.reason
    assert list(one_sided(bank_of("Is the left lung larger than the right?"))) == []


def signs(*cells: tuple[Concept, str, float]) -> dict[tuple[str, str], Override]:
    return {(each.id, name): Override(name, each.id, value, "corpus") for each, name, value in cells}


def test_a_sign_that_is_the_same_for_every_class_tells_none_apart() -> None:
    bank = bank_of("Is a seen?", "Is b seen?", "Is c seen?")
    a, b, _ = bank
    given = signs((a, "well", 1.0), (a, "ill", 1.0), (b, "well", -1.0))
    assert [each.concept_ids[0] for each in same_for_all(bank, given, ["well", "ill"])] == [
        bank.ids[0],
        bank.ids[2],
    ]
    assert list(same_for_all(bank, given, ["well"])) == []


def test_concepts_that_are_alike_should_not_speak_against_each_other() -> None:
    bank = bank_of("Is a seen?", "Is b seen?")
    a, b = bank
    given = signs((a, "well", 1.0), (b, "well", -1.0), (a, "ill", 1.0))
    pair = Finding("near_duplicate", (a.id, b.id), "")
    assert [each.kind for each in signs_disagree([pair], given, ["well", "ill"])] == ["signs_disagree"]


class Letters:
    """Vectors that count letters."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = np.array(
            [[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], np.float32
        )
        length: NDArray[np.float32] = np.sqrt((counts**2).sum(axis=1, keepdims=True))
        return (counts / length).astype(np.float32)


def test_near_duplicates_are_those_of_a_double_loop_most_similar_first() -> None:
    bank = bank_of("Is the heart large?", "Is the large heart?", "Is the heart larger?", "Are vessels wide?")
    vectors = Letters().encode([each.question for each in bank])
    by_hand = {
        frozenset((bank.ids[i], bank.ids[j])): float(vectors[i] @ vectors[j])
        for i in range(4)
        for j in range(i)
        if vectors[i] @ vectors[j] >= 0.95
    }
    found = [frozenset(each.concept_ids) for each in near_duplicates(bank, Letters(), similarity=0.95)]
    assert set(found) == set(by_hand)
    assert by_hand[found[0]] == max(by_hand.values())
    assert list(near_duplicates(bank_of("Is it?"), Letters(), similarity=0.5)) == []


def test_the_concept_with_more_quotations_is_the_one_to_keep() -> None:
    one, other = bank_of("Is the heart large?", "Is the large heart?")
    bank = ConceptBank((one, replace(other, evidence=(HEART, quote(SECOND, "The heart is enlarged.")))))
    (found,) = near_duplicates(bank, Letters(), similarity=0.9)
    assert found.concept_ids == (other.id, one.id)


def test_the_same_finding_in_other_words_is_found_by_the_lexicon() -> None:
    bank = bank_of(
        "Is the heart enlarged?",
        "Is there cardiomegaly?",
        "Is there a left pleural effusion?",
        "Is there a pleural effusion?",
        "Is the cardiac silhouette enlarged?",
    )
    (found,) = same_finding(bank, load_lexicon("chest_xray"))
    assert found.concept_ids == (bank.ids[0], bank.ids[1], bank.ids[4])
    assert found.reason == "In the lexicon's terms all ask for cardiomegaly."


def test_equal_answers_count_only_where_both_answers_are_common() -> None:
    bank = bank_of("Is a seen?", "Is b seen?", "Is c seen?", "Is d seen?")
    yes, no = Answer.YES.value, Answer.NO.value
    often = [yes] * 6 + [no] * 6
    rare = [yes] * 2 + [no] * 10
    answer = np.array([often, often, rare, rare], np.int8).T
    table = AnnotationTable(tuple("abcdefghijkl"), bank.ids, answer, answer.astype(np.float32), "rules")
    (found,) = same_answers(bank, [table])
    assert found.concept_ids == bank.ids[:2]
    assert found.reason == "All 12 reports that rules decided answer them alike (6 yes)."
    other = replace(table, answer=np.where(answer == yes, Answer.UNKNOWN.value, answer).astype(np.int8))
    assert list(same_answers(bank, [other])) == []
    assert list(same_answers(bank.subset(bank.ids[1:]), [table])) == []
