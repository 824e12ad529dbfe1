import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli_reference import cli_page
from pipelines.config_reference import configuration_page, settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_configuration_page_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == configuration_page(), (
        "write it anew: python -m pipelines.config_reference > docs/configuration.md"
    )


def test_types_are_said_in_words_of_the_reader() -> None:
    kinds = {path: kind for path, kind, _, _ in settings()}
    assert kinds["encoder.weights"] == "text"
    assert kinds["encoder.hub"] == "text or none"
    assert kinds["fit.epochs"] == "int, at least 1"
    assert kinds["fine_tune.epochs"] == "int, at least 1, or none"
    assert kinds["language_model.endpoint.budget_calls"] == "int, at least 0, or none"
    assert kinds["datasets[].half"] == "one of `first`, `second`, or none"
    assert kinds["datasets[].where"] == "table of list of text"
    assert kinds["fit.methods"].startswith("list, not empty, each one of `knobo`, `linear_probe`, ")
    words = re.compile(r"\b(Annotated|FieldInfo|Optional|Union|Literal|NoneType|str|tuple|dict|Path)\b")
    assert [kind for kind in kinds.values() if words.search(kind)] == []


def test_every_setting_is_one_row_of_four_cells() -> None:
    head, rows = configuration_page().split("| --- | --- | --- | --- |\n")
    assert head.endswith("| setting | type | default | meaning |\n")
    assert len(rows.splitlines()) == len(list(settings()))
    assert [row for row in rows.splitlines() if len(cells(row)) != 4] == []


def cells(row: str) -> list[str]:
    """Of a row of a table; none where it is no whole row."""
    found = re.fullmatch(r"\| (.*) \|", row)
    return re.split(r"(?<!\\)\|", found[1]) if found else []


def test_the_page_of_the_command_line_is_what_the_help_says() -> None:
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == cli_page(), (
        "write it anew: python -m pipelines.cli_reference > docs/cli.md"
    )


PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_paths_named_in_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"`((?:knowledge|models|pipelines|tests|docs)/[\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_tables_of_a_page_are_whole(page: str) -> None:
    lines = (ROOT / page).read_text("utf-8").splitlines()
    pairs = [(above, line) for above, line in zip(["", *lines], lines, strict=False) if line.startswith("|")]
    assert [line for _, line in pairs if not cells(line)] == []
    assert [
        line for above, line in pairs if above.startswith("|") and len(cells(line)) != len(cells(above))
    ] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_commands_that_exist(page: str) -> None:
    verbs = set(re.findall(r"^## `(knobo [a-z ]+?)(?: [A-Z\[].*)?`$", cli_page(), re.MULTILINE))
    named = re.findall(r"^    (knobo [a-z]+(?: [a-z]+)?)", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert [words for words in named if words not in verbs and words.rsplit(" ", 1)[0] not in verbs] == []


@pytest.mark.parametrize("verb", ["init", "run", "demo", "status", "concepts", "explain", "audit", "index"])
def test_every_verb_explains_itself(verb: str) -> None:
    assert verb in run(verb, "--help")


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)) <= set(
        targets
    )


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
