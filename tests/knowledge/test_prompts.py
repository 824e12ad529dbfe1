"""Prompts: placeholders are checked, values are data."""

from importlib import resources
from pathlib import Path

import pytest

from knowledge.errors import KnowledgeError
from knowledge.prompts import Prompt, load_prompt

SHIPPED = {
    "write_question": {"sentence", "opening"},
    "is_visual": {"image", "question"},
    "supports_class_1": {"question", "class_name"},
    "supports_class_2": {"question", "class_name"},
    "supports_class_3": {"question", "class_name"},
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_prompts_have_the_placeholders_their_callers_fill(name: str) -> None:
    assert load_prompt(name).fields == SHIPPED[name]


def test_values_are_not_searched_for_placeholders() -> None:
    prompt = Prompt("p", "Sentence: {sentence} {opening}")
    filled = prompt.fill(sentence="{opening} {0} {sentence.__class__}", opening="Is the")
    assert filled == "Sentence: {opening} {0} {sentence.__class__} Is the"


def test_missing_and_unknown_placeholders_are_named() -> None:
    prompt = Prompt("p", "{sentence}")
    with pytest.raises(
        KnowledgeError, match=r"has the placeholders \{sentence\}; it needs exactly \{question\}"
    ):
        prompt.require("question")
    with pytest.raises(KnowledgeError, match="needs exactly none"):
        prompt.fill()


def test_an_unpaired_brace_is_told() -> None:
    with pytest.raises(KnowledgeError, match="unpaired brace"):
        Prompt("p", "a } b").require()


def test_a_prompt_of_ones_own_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Ask {question}\n", encoding="utf-8")
    assert load_prompt("mine", directory=tmp_path).fill(question="why") == "Ask why"
    with pytest.raises(KnowledgeError, match=r"no prompt other\.txt"):
        load_prompt("other", directory=tmp_path)


def test_every_prompt_file_is_listed_here() -> None:
    files = resources.files("knowledge.prompts").iterdir()
    assert set(SHIPPED) <= {file.name[:-4] for file in files if file.name.endswith(".txt")}
