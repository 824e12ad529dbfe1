import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage, write_passages
from pipelines.commands.index import app

PASSAGES = [
    Passage(
        "books/pleura.md#1", "Pleura", "Fluid. Effusions blunt the angle.", "books", "CC BY 3.0", "pleura.md"
    ),
    Passage(
        "pubmed/1#1", "Effusion [trial]", "An effusion was drained.", "pubmed", "NLM", "PMID 1", year=1999
    ),
    Passage("pubmed/2#1", "Withdrawn", "Effusion, made up.", "pubmed", "NLM", "PMID 2", True, 2015),
    Passage("pubmed/3#1", "Nodule", "A nodule is round.", "pubmed", "NLM", "PMID 3", year=2020),
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_passages(tmp_path / "passages.jsonl", PASSAGES)
    call("build", tmp_path / "store", "--passages", tmp_path / "passages.jsonl", "--encoder", "none")
    return tmp_path / "store"


def call(*words: object) -> str:
    """Standard output of a verb that ends well; an error comes as itself."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def found(store: Path, *words: str) -> list[str]:
    return [str(row["id"]) for row in json.loads(call("search", store, *words, "--json"))]


def test_a_search_shows_title_quote_locator_and_licence(store: Path) -> None:
    shown = " ".join(call("search", store, "blunt effusions", "--limit", "1").split())
    assert shown == '1. Pleura "Effusions blunt the angle." pleura.md · books · CC BY 3.0 · books/pleura.md#1'
    assert "Effusion [trial]" in call("search", store, "drained"), "brackets in a title are no markup"
    assert "RETRACTED" in call("search", store, "made up")
    assert "No passage fits." in call("search", store, "dermoscopy")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (["--source", "books"], {0}),
        (["--license", "NLM"], {1, 2}),
        (["--year-from", "2000"], {2}),
        (["--year-to", "2000"], {1}),
        (["--no-retracted"], {0, 1}),
        (["--source", "books", "--source", "pubmed", "--no-retracted", "--year-from", "1990"], {1}),
    ],
)
def test_conditions_restrict_a_search(store: Path, condition: list[str], expected: set[int]) -> None:
    assert {*found(store, "effusion", *condition)} == {PASSAGES[i].id for i in expected}


def test_passages_are_added_deleted_synchronised_and_rolled_back(store: Path, tmp_path: Path) -> None:
    new = Passage("pubmed/4#1", "Cyst", "A cyst is filled.", "pubmed", "NLM", "PMID 4")
    write_passages(tmp_path / "more.jsonl", [*PASSAGES[:1], new])
    told = call("add", store, "--passages", tmp_path / "more.jsonl")
    assert "1 added, 0 changed, 0 deleted, 1 unchanged; version 2 is in force." in told
    assert found(store, "cyst") == ["pubmed/4#1"]
    assert json.loads(call("delete", store, "pubmed/4#1", "--json"))["passages"] == 4
    assert found(store, "cyst") == []
    synced = json.loads(call("add", store, "--passages", tmp_path / "more.jsonl", "--sync", "--json"))
    assert (synced["added"], synced["deleted"], synced["unchanged"], synced["passages"]) == (1, 3, 1, 2)
    assert "Version 3 is in force: 4 passages." in call("rollback", store)
    assert json.loads(call("rollback", store, "--version", "2", "--json"))["passages"] == 5


def test_info_and_verify_speak_of_the_version_in_force(store: Path) -> None:
    facts = json.loads(call("info", store, "--json"))
    assert (facts["version"], facts["passages"], facts["sources"]) == (1, 4, ["books", "pubmed"])
    assert "licenses" in call("info", store)
    assert json.loads(call("verify", store, "--json")) == {
        "version": 1,
        "files": facts_files(store),
        "intact": True,
    }
    (store / "versions/000001/passages/000001.jsonl").write_text("{}")
    with pytest.raises(KnowledgeError, match=r"the length of passages/000001\.jsonl differs"):
        call("verify", store)


def facts_files(store: Path) -> int:
    folder = store / "versions/000001"
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return len(files) - 1  # the manifest itself


def test_the_estimate_is_printed_and_the_budget_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    class Encoder:
        digest, dimension = "e", 16

        def encode(self, texts: list[str]) -> object:
            return np.array([np.full(16, 0.25 + len(text) % 3) for text in texts], dtype=np.float32)

    monkeypatch.setattr("pipelines.commands.index_shared.encoder_of", lambda _name: Encoder())
    monkeypatch.setattr("pipelines.commands.index.encoder_of", lambda _name: Encoder())
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    write_passages(tmp_path / "passages.jsonl", PASSAGES)
    words = ("build", tmp_path / "store", "--passages", tmp_path / "passages.jsonl")
    with pytest.raises(KnowledgeError, match=r"the budget is 100 B: no kind fits"):
        call(*words, "--memory-budget", "100B")
    assert not (tmp_path / "store").exists()
    assert "To build: flat index of 4 vectors of 16: 288 B in memory" in call(
        *words, "--memory-budget", "1KB"
    )
    assert json.loads(call("info", tmp_path / "store", "--json"))["kind"] == "flat"
    assert len(found(tmp_path / "store", "effusion")) == 4
    assert len(found(tmp_path / "store", "effusion", "--encoder", "none")) == 3, "by words alone"
    shutil.rmtree(tmp_path / "store")
    told = " ".join(call(*words, "--kind", "small").split())
    assert "(flat in place of small, which needs 256 vectors)" in told
    facts = json.loads(call("info", tmp_path / "store", "--json"))
    assert (facts["kind"], facts["in_place_of"]) == ("flat", "small, which needs 256 vectors")


def test_literature_cannot_steer_the_terminal(tmp_path: Path) -> None:
    steering = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202eeffusion"
    given = Passage("x#1", f"Title {steering}", f"An {steering} here.", "s\x1b[0m", "CC0", "a\x1b[1mb")
    write_passages(tmp_path / "passages.jsonl", [given])
    call("build", tmp_path / "store", "--passages", tmp_path / "passages.jsonl", "--encoder", "none")
    for shown in (call("search", tmp_path / "store", "effusion"), call("info", tmp_path / "store")):
        assert not {*shown} & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_a_folder_that_holds_no_reranker_is_called_one(store: Path, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"The reranker .*nofolder has no config\.json"):
        call("search", store, "effusion", "--rerank", tmp_path / "nofolder")


def test_years_out_of_range_are_refused_by_the_command_line(store: Path) -> None:
    words = ["search", str(store), "effusion", "--year-from", "9" * 30]
    assert CliRunner().invoke(app, words).exit_code == 2
