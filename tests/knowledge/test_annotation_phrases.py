import re

import pytest

from knowledge.annotation.phrases import PhraseIndex
from knowledge.annotation.report_text import finding_texts, read_sentence
from knowledge.annotation.stemming import stem
from knowledge.errors import KnowledgeError


def found(phrase: str, text: str) -> list[str]:
    sentence = read_sentence(text)
    matches = PhraseIndex([("key", phrase)], classes={"big": "large|enlarged"}).find(sentence)
    return [" ".join(sentence.stems[match.start : match.end]) for match in matches]


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("pleural effusion", "small pleural effusions", ["pleural effus"]),
        ("pleural? effusion", "an effusion", ["effus"]),
        ("heart|cardiac ..2 enlarged", "the heart is mildly enlarged", ["heart is mildly enlarg"]),
        ("heart ..2 enlarged", "the heart is very mildly not enlarged", []),
        ("heart ..3 enlarged", "heart normal, aorta enlarged", []),
        ("heart ,,3 enlarged", "heart normal, aorta enlarged", ["heart normal , aorta enlarg"]),
        ("heart ..3 enlarged", "heart normal but aorta enlarged", []),
        ("{big} <>2 heart", "heart is enlarged", ["heart is enlarg"]),
        ("{big} <>2 heart", "large heart", ["larg heart"]),
        ("air space", "airspace and air space", []),
        ("airspace", "air-space disease", ["airspac"]),
    ],
)
def test_a_phrase_matches_by_stem_within_its_gaps(phrase: str, text: str, expected: list[str]) -> None:
    got = [re.sub(r"mildly|mild", "mildly", match) for match in found(phrase, text)]
    assert got == expected


def test_many_phrases_are_found_like_each_alone() -> None:
    phrases = ["effusion", "pleural effusion", "no ..3 effusion", "left|right", "blunted <>3 angle", "a|b? c"]
    sentence = read_sentence("No left pleural effusion, blunting of the right angle, b c.")
    together = PhraseIndex(list(zip("uvwxyz", phrases, strict=True))).find(sentence)
    alone = [
        match
        for key, phrase in zip("uvwxyz", phrases, strict=True)
        for match in PhraseIndex([(key, phrase)]).find(sentence)
    ]
    assert set(together) == set(alone)
    assert len(together) == len(alone)
    assert {match.key for match in together} == set("uvwxyz")


@pytest.mark.parametrize("phrase", ["{unknown} heart", "heart?"])
def test_a_phrase_that_cannot_work_is_refused(phrase: str) -> None:
    with pytest.raises(KnowledgeError, match="the lexicon phrase"):
        found(phrase, "heart")


@pytest.mark.parametrize(
    "group",
    [
        "enlarged enlargement enlarges enlarging",
        "opacity opacities opacified opacification",
        "calcified calcification calcifications calcific",
        "blunting blunted blunt",
        "elevated elevation",
        "atelectasis atelectatic atelectases",
        "tortuous tortuosity",
        "hyperinflated hyperinflation",
        "effusion effusions",
        "asymmetry asymmetric asymmetrical",
        "colour color colors",
        "scar scarring scars",
    ],
)
def test_forms_of_one_word_meet(group: str) -> None:
    assert len({stem(word) for word in group.split()}) == 1


@pytest.mark.parametrize(
    "pair", ["nodule nodular", "normal abnormal", "marked markings", "symmetric asymmetric", "lung lingula"]
)
def test_words_of_different_meaning_stay_apart(pair: str) -> None:
    first, second = pair.split()
    assert stem(first) != stem(second)


def test_sentences_end_at_stops_and_list_numbers_but_not_in_decimals() -> None:
    text = "1. Nodule of 2.5 cm.No effusion. 2. Clear vs. hazy lungs\n- clips"
    assert finding_texts(text) == ("Nodule of 2.5 cm", "No effusion", "Clear vs. hazy lungs", "- clips")
