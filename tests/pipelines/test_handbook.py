"""The handbook is read here by plain regular expressions, not by the reader that the flow uses."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "pipelines" / "demo" / "handbook"
TOPICS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.md"))
SECTION = re.compile(r"^## (?P<heading>.+)\n\n(?P<body>(?:.+\n)+)\nSources: (?P<sources>.+)\.$", re.MULTILINE)
SHAPE = re.compile(r"# [^\n]+\n(?:\n## [^\n]+\n\n(?:[^\n]+\n)+\nSources: [^\n]+\.\n)+")
DANGLING = re.compile(r"(?:It|Its|This|That|These|Those|They|Their|Such|Here|There|He|She)\b")


@dataclass(frozen=True, slots=True)
class HandbookSection:
    """One sign with its sentences, a line each."""

    topic: str
    heading: str
    sentences: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def length(self) -> int:
        """Characters of the text with its line of sources."""
        return len("\n".join(self.sentences)) + len("\n\nSources: .") + len("; ".join(self.sources))


def _sections_of(topic: str) -> list[HandbookSection]:
    return [
        HandbookSection(
            topic=topic,
            heading=found["heading"],
            sentences=tuple(found["body"].splitlines()),
            sources=tuple(found["sources"].split("; ")),
        )
        for found in SECTION.finditer((ROOT / topic).read_text(encoding="utf-8"))
    ]


SECTIONS = [section for topic in TOPICS for section in _sections_of(topic)]
SENTENCES = [sentence for section in SECTIONS for sentence in section.sentences]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_a_title_and_sections_and_nothing_else(topic: str) -> None:
    text = (ROOT / topic).read_text(encoding="utf-8")
    assert SHAPE.fullmatch(text)
    assert len(_sections_of(topic)) == text.count("\n## ")


@pytest.mark.parametrize(("modality", "least"), [("chest_xray", 110), ("skin", 70)])
def test_each_modality_has_far_more_sections_than_the_demo_needs(modality: str, least: int) -> None:
    assert sum(section.topic.startswith(modality) for section in SECTIONS) >= least


def test_a_section_is_about_one_passage_long() -> None:
    assert [s.heading for s in SECTIONS if not 500 <= s.length <= 1000] == []
    assert [s.heading for s in SECTIONS if not 4 <= len(s.sentences) <= 7] == []


def test_every_section_names_a_source() -> None:
    assert [s.heading for s in SECTIONS if not s.sources or len(s.sources) != len(set(s.sources))] == []


def test_the_references_of_the_readme_are_those_that_the_sections_cite() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("## References")[1]
    listed = Counter(re.findall(r"^- (.+)$", readme, re.MULTILINE))
    modalities = ("chest_xray", "skin")
    assert listed == Counter(
        source
        for modality in modalities
        for source in {c for s in SECTIONS if s.topic.startswith(modality) for c in s.sources}
    )


def test_no_heading_of_a_modality_occurs_twice() -> None:
    headings = Counter((s.topic.split("/")[0], s.heading.lower()) for s in SECTIONS)
    assert [heading for heading, times in headings.items() if times > 1] == []


def test_no_sentence_occurs_twice() -> None:
    bare = Counter(re.sub(r"\W+", " ", sentence.lower()).strip() for sentence in SENTENCES)
    assert [sentence for sentence, times in bare.items() if times > 1] == []


def test_a_line_is_one_whole_sentence() -> None:
    assert [s for s in SENTENCES if not re.fullmatch(r"[A-Z](?:[^.?!]|\.(?=\d))*\.", s)] == []


def test_a_sentence_can_be_quoted_alone() -> None:
    assert [s for s in SENTENCES if DANGLING.match(s)] == []


def test_sentences_are_short_enough_to_become_one_question() -> None:
    words = [len(sentence.split()) for sentence in SENTENCES]
    assert max(words) <= 26
    assert sum(8 <= count <= 22 for count in words) >= 0.9 * len(words)


@pytest.mark.parametrize(
    ("modality", "word"),
    [
        ("chest_xray", "normal"),
        ("chest_xray", "abnormal"),
        ("chest_xray", "pneumonia"),
        ("skin", "benign"),
        ("skin", "malignant"),
        ("skin", "melanoma"),
        ("skin", "nevus"),
    ],
)
def test_a_pattern_is_named_often_beside_signs_but_not_in_most_sentences(modality: str, word: str) -> None:
    sentences = [line for s in SECTIONS if s.topic.startswith(modality) for line in s.sentences]
    naming = [line for line in sentences if re.search(rf"\b{word}\b", line)]
    assert 50 <= len(naming) <= len(sentences) / 3
