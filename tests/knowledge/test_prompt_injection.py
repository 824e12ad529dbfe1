"""Passages and reports that command the model: no concept without a verbatim quote, no change of schema."""

import itertools
import json
import re
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback_server import RealMind, Server, serving
from numpy.typing import NDArray

from knowledge.annotation.language_model import LanguageModelAnnotator
from knowledge.annotation.table import Report
from knowledge.concepts import Concept, Evidence, make_concept
from knowledge.discovery import DiscoverySettings, discover
from knowledge.instructions import instructive_passages, looks_like_instructions
from knowledge.language import Sampling
from knowledge.language.endpoint import Endpoint, EndpointModel, open_endpoint
from knowledge.passages import Passage
from knowledge.prompts import Prompt
from knowledge.prompts.data import LONGEST, as_data
from knowledge.question_writer import QuestionWriter, Writer
from knowledge.quotes import is_verbatim, missing_words
from knowledge.retrieval.hits import Hit
from knowledge.screening import Screen
from knowledge.sentences import sentences
from knowledge.structured_writer import StructuredWriter

HERE = Path(__file__).parent
HONEST = "A thin white pleural line is seen at the apex of the lung."
SUPPORTED = "Is there a thin white pleural line at the apex of the lung?"
POISON = ("Is there a purple star in the left lung?", "Are there golden rings around the heart?")
SHORT_PROMPT = Prompt("short", "Sentence: {sentence}\nQuestion: {opening}")


@cache
def injections(kind: str) -> dict[str, str]:
    """By id: the text, with what it repeats written out."""
    found = {}
    for line in (HERE / "data" / "injections.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == kind:
            filler = "".join(unit * times for unit, times in row.get("filler", ()))
            found[row["id"]] = row["text"].replace("\0", filler)
    return found


def passages() -> dict[str, Passage]:
    texts = injections("passage") | {"honest": f"{HONEST} The heart is round and lies on the left."}
    return {name: Passage(name, "", text, "s", "l", "x") for name, text in texts.items()}


class AllPassages:
    """Retrieves everything for every query."""

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        names = list(passages())
        assert limit >= len(names)
        return [[Hit(name, 1.0 / rank, rank) for rank, name in enumerate(names, 1)] for _ in queries]


class EveryTextApart:
    """A vector of its own for every text."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=64) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


class ObedientMind:
    """The worst case: does whatever anyone asks, in the shape that they ask for."""

    def __init__(self) -> None:
        self._turn = itertools.count()

    def write(self, prompt: str, **_: Any) -> str:
        asked = re.findall(r"\{.*\}", prompt.rsplit("Sentence: ", 1)[-1])
        replies = (
            *asked[-1:],
            json.dumps({"concepts": [{"name": POISON[0], "sign": 1}], "admin": True}),
            json.dumps({"questions": [*POISON, SUPPORTED]}),
            json.dumps([*POISON]),
            POISON[0].removeprefix("Is there "),
        )
        return replies[next(self._turn) % len(replies)]

    def fill(self, prompt: str, schema: dict[str, Any]) -> str:
        assert prompt
        if list(schema["properties"]) != ["questions"]:
            return '{"number": 1}'
        return json.dumps({"questions": [*POISON, SUPPORTED]})

    def top(self, prompt: str, count: int) -> list[tuple[str, float]]:
        assert prompt
        return [("Yes", -0.001), ("yes", -8.0), ("No", -9.0)][:count]

    def chat(self, messages: list[dict[str, str]]) -> str:
        return "\n".join(turn["content"] for turn in messages)

    def count(self, text: str) -> int:
        return len(text.split())


def screen() -> Screen:
    return Screen(passages=passages(), encoder=EveryTextApart(), class_names={"pneumonia": ("pneumonia",)})


def require_grounded(concepts: Sequence[Concept]) -> None:
    for concept in concepts:
        assert concept.evidence
        assert all(is_verbatim(each, passages()[each.passage_id]) for each in concept.evidence)
        assert not missing_words(concept.question, [each.quote for each in concept.evidence])


def connect(url: str, *, protocol: Any) -> EndpointModel:
    return open_endpoint(Endpoint(url, "small", protocol=protocol, timeout=20.0))


def accepted(writer: Writer, evidence: Sequence[Evidence]) -> list[Concept]:
    """As `discover` does, but without leaving out what looks like instructions: the quote alone decides.

    A sentence that spells out the question it wants is then a verbatim quote of it, which is why such
    passages are left out.
    """
    judge = screen()
    for each, questions in zip(evidence, writer.write([each.quote for each in evidence]), strict=True):
        judge.judge([make_concept(question, (each,), "q") for question in questions])
    return judge.accepted


def every_sentence() -> list[Evidence]:
    found = []
    for passage in passages().values():
        spans = itertools.islice(sentences(passage.text), 6)
        found += [Evidence(passage.id, passage.text[s.start : s.end], s.start) for s in spans]
    return found


def test_there_are_enough_of_them_and_all_are_flagged() -> None:
    assert len(injections("passage")) >= 20
    assert len(injections("report")) >= 10
    unseen = [
        name
        for name, text in (injections("passage") | injections("report")).items()
        if not looks_like_instructions(text)
    ]
    assert unseen == []
    assert set(instructive_passages(passages().values())) == set(injections("passage"))


def test_no_sentence_of_the_handbook_is_flagged_or_changed() -> None:
    texts = [file.read_text("utf-8") for file in HERE.parents[1].glob("pipelines/demo/handbook/**/*.md")]
    found = [text[each.start : each.end] for text in texts for each in sentences(text)]
    assert len(found) > 500
    assert [each for each in found if looks_like_instructions(each)] == []
    plain = [" ".join(each.split()) for each in found if "#" not in each and "<" not in each]
    assert [each for each in plain if as_data(each) != each] == []


@pytest.mark.parametrize("schema", ["enforce", "ignore", "refuse"])
def test_an_obedient_chat_model_adds_nothing_that_is_not_quoted_and_changes_no_schema(schema: Any) -> None:
    server = Server(ObedientMind(), schema=schema)
    with serving(server) as url:
        writer = StructuredWriter(connect(url, protocol="chat"))
        found = discover(
            ["pneumonia"],
            template="{query}",
            retriever=AllPassages(),
            passages=passages(),
            writer=writer,
            screen=screen(),
            settings=DiscoverySettings(keep=50),
        )
        unguarded = accepted(writer, every_sentence())
    require_grounded([*found.bank, *unguarded])
    assert not {*POISON} & {concept.question for concept in found.bank}
    assert set(found.instructive) == set(injections("passage"))
    assert {each.passage_id for concept in found.bank for each in concept.evidence} <= {"honest"}
    if schema == "enforce":
        assert [concept.question for concept in found.bank] == [SUPPORTED]
    formats = [body["response_format"]["json_schema"]["schema"] for body in server.tally.bodies[3:]
               if "response_format" in body]  # fmt: skip
    assert all(each == writer.shape.schema() for each in formats)
    assert bool(formats) == (schema != "refuse")
    for body in server.tally.bodies[3:]:
        assert [turn["role"] for turn in body["messages"]][:2] == ["system", "user"]
        assert len(re.findall(r"^Sentence: ", body["messages"][1]["content"], re.MULTILINE)) == 4


def test_an_obedient_model_that_continues_text_adds_nothing_that_is_not_quoted() -> None:
    with serving(Server(ObedientMind())) as url:
        writer = QuestionWriter(connect(url, protocol="completions"), openings=("Is there",))
        require_grounded(accepted(writer, every_sentence()))


def test_the_real_model_adds_nothing_that_is_not_quoted_here_or_behind_an_endpoint(mind: RealMind) -> None:
    chosen = [each for each in every_sentence() if len(each.quote) < 100][:5]
    local = QuestionWriter(mind.model, openings=("Is there",), prompt=SHORT_PROMPT, max_tokens=4)
    require_grounded(accepted(local, chosen))
    with serving(Server(mind)) as url:
        remote = QuestionWriter(
            connect(url, protocol="completions"), openings=("Is there",), prompt=SHORT_PROMPT, max_tokens=4
        )
        require_grounded(accepted(remote, chosen[:1]))


@pytest.mark.parametrize("name", [*injections("passage"), *injections("report")])
def test_a_value_of_a_prompt_is_one_line_of_plain_data(name: str) -> None:
    text = (injections("passage") | injections("report"))[name]
    value = as_data(text)
    assert value.splitlines() == [value]
    assert value.isprintable()
    assert len(value) <= LONGEST
    assert not re.search(r"<\||\|>|</?s>|\[/?INST\]|<<|<(?:start|end)_of_turn>|###", value)
    assert as_data(value) == value
    assert Prompt("p", "Text: {text}\nEnd").fill(text=text).count("\n") == 1


class ObedientReader:
    """Answers yes to any text that tells it to, and honestly otherwise; remembers its prompts."""

    digest = "obedient"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        raise NotImplementedError

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        assert tuple(options) == ("Yes", "No")
        self.prompts += prompts
        texts = [prompt.rsplit("Text: ", 1)[-1].split("\nQuestion: ")[0] for prompt in prompts]
        yes = [0.99 if "Yes" in text or "enlarged" in text else 0.2 for text in texts]
        return np.array([[each, 1 - each] for each in yes])


HONEST_REPORTS = [Report("a", "The heart is enlarged."), Report("b", "The lungs are clear."), Report("c", "")]
QUESTIONS = [make_concept("Is the heart enlarged?", (), "q"), make_concept("Is there a white line?", (), "q")]


def test_an_injected_report_adds_no_question_and_changes_no_answer_but_its_own() -> None:
    reader = ObedientReader()
    alone = LanguageModelAnnotator(reader).annotate(HONEST_REPORTS, QUESTIONS)
    injected = [Report(name, text) for name, text in injections("report").items()]
    reports = [*injected[:5], *HONEST_REPORTS, *injected[5:]]
    together = LanguageModelAnnotator(reader).annotate(reports, QUESTIONS)
    assert together.concept_ids == alone.concept_ids == tuple(each.id for each in QUESTIONS)
    assert together.report_ids == tuple(each.id for each in reports)
    np.testing.assert_array_equal(together.answer[5:8], alone.answer)
    np.testing.assert_array_equal(together.probability[5:8], alone.probability)
    asked = {prompt.rsplit("\nQuestion: ", 1)[-1] for prompt in reader.prompts}
    assert asked == {f"{each.question}\nAnswer:" for each in QUESTIONS}
    assert {prompt.count("\nQuestion: ") for prompt in reader.prompts} == {
        reader.prompts[0].count("\nQuestion: ")
    }
    assert max(map(len, reader.prompts)) < LONGEST + 1000


def test_the_real_model_answers_for_other_reports_as_if_the_injected_were_not_there(mind: RealMind) -> None:
    injected = [Report(name, text) for name, text in injections("report").items() if len(text) < 120][:1]
    alone = LanguageModelAnnotator(mind.model).annotate(HONEST_REPORTS[:1], QUESTIONS[:1])
    together = LanguageModelAnnotator(mind.model).annotate([*injected, *HONEST_REPORTS[:1]], QUESTIONS[:1])
    np.testing.assert_array_equal(together.answer[1:], alone.answer)
    np.testing.assert_allclose(together.probability[1:], alone.probability, atol=1e-4)
    assert together.concept_ids == alone.concept_ids
