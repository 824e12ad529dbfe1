"""The language model of a run: whose reports may leave, what makes stages stale, what it cost."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from knowledge.language import CallLog, ReplayModel
from knowledge.language.endpoint import digests
from knowledge.language.endpoint.ledger import Request
from knowledge.language.endpoint.probing import Abilities
from knowledge.language.keys import choice_key, structured_key
from knowledge.language.shapes import Record, WholeNumber
from pipelines.config import Config, load_config
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.section_values import section_value
from pipelines.stages.language import (
    account_of,
    accounted,
    open_call_log,
    open_language_model,
    require_reports_may_leave,
)
from pipelines.stages.reports import annotator, grounding_datasets
from pipelines.status import spending
from pipelines.weights import cache_directory

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{{ name = "normal", normal = true }}, {{ name = "sick" }}]
literature = [{{ name = "notes", kind = "text", path = "notes" }}]
datasets = [{{ name = "clinic", manifest = "images.csv", report = ["findings"]{allowed} }}]
splits = [{{ name = "plain", kind = "plain", datasets = ["clinic"], classes = ["normal", "sick"] }}]
grounding = {{ datasets = ["clinic"] }}
annotation = {{ annotator = "language_model" }}
[language_model.endpoint]
base_url = "{url}"
model = "large"
{more}
"""
EXTERNAL, LOOPBACK = "https://models.example.org/v1", "http://127.0.0.1:8000/v1"


def config(folder: Path, *, url: str, allowed: str = "", more: str = "") -> Config:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(url=url, allowed=allowed, more=more), encoding="utf-8")
    return load_config(path)


def test_reports_of_a_data_set_without_leave_never_reach_another_machine(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", config(tmp_path, url=EXTERNAL))
    with pytest.raises(PipelineError, match=r"^[^\n]*'clinic'[^\n]*external_llm_allowed = true[^\n]*$"):
        annotator(run)
    assert not run.directory.exists()  # nothing was opened


@pytest.mark.parametrize(
    ("url", "allowed"), [(EXTERNAL, ", external_llm_allowed = true"), (LOOPBACK, ""), ("http://[::1]/v1", "")]
)
def test_reports_may_be_read_with_leave_or_on_this_machine(tmp_path: Path, url: str, allowed: str) -> None:
    run = Run(tmp_path / "run", config(tmp_path, url=url, allowed=allowed))
    require_reports_may_leave(run, grounding_datasets(run))


def test_only_what_replies_depend_on_makes_stages_stale(tmp_path: Path) -> None:
    def value(url: str, more: str) -> Any:
        return section_value(config(tmp_path, url=url, more=more), "language_model")

    first = value(EXTERNAL, "")
    assert value(LOOPBACK, "budget_calls = 5\nconcurrency = 2\nprompt_price = 3.0\ntimeout = 5") == first
    assert value(EXTERNAL, 'revision = "b"') != first
    assert value(EXTERNAL, 'protocol = "completions"') != first


def test_a_budget_of_cost_needs_prices(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="budget_cost needs prompt_price and completion_price"):
        config(tmp_path, url=EXTERNAL, more="budget_cost = 2.0")


def test_a_stage_leaves_a_summary_of_what_the_run_paid_however_it_ends(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", config(tmp_path, url=LOOPBACK))
    run.directory.mkdir()
    summary = run.path("language_model.json")
    account = open_call_log(cache_directory()).recorder(account_of(summary))

    @accounted
    def stage(_: Run) -> None:
        account.settle(
            "t1",
            Request("k", "lost", 1, 1.0, prompt_tokens=30, completion_tokens=10, estimated=True, cost=0.5),
        )
        account.settle(
            "t2", Request("k", "answered", 2, 1.0, prompt_tokens=20, completion_tokens=5, cost=0.25)
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        stage(run)
    found = json.loads(summary.read_text())
    assert found.pop("account") == account_of(summary)
    assert found == {
        "calls": 2, "retries": 1, "invalid": 0, "garbage": 0, "lost": 1, "prompt_tokens": 50,
        "completion_tokens": 15, "estimated_tokens": 40, "cost": 0.75, "tokens": 65, "cached": 0,
    }  # fmt: skip


def test_stages_that_begin_together_share_one_ledger_and_one_account(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", config(tmp_path, url=LOOPBACK))
    run.directory.mkdir()
    section = run.config.language_model.endpoint
    assert section is not None
    calls = open_call_log(cache_directory())
    remembered = json.dumps(["abilities", 1, section.base_url, section.model, section.protocol, ""])
    calls.remember(remembered, {"revision": "r1"})  # as an earlier run left it: no server is needed
    together = threading.Barrier(2)
    accounts: list[str] = []

    def begin() -> object:
        together.wait()
        accounts.append(account_of(run.path("language_model.json")))
        return open_language_model(run)

    with ThreadPoolExecutor(2) as pool:
        first, second = (job.result() for job in [pool.submit(begin) for _ in range(2)])
    assert first is second
    assert len({*accounts}) == 1


def replaying(folder: Path, path: Path) -> Run:
    text = CONFIG.format(url=EXTERNAL, allowed="", more="")
    (folder / "replay.toml").write_text(text.replace("[language_model.endpoint]", f"""[language_model]
replay = "{path}"
[language_model.endpoint]"""))  # fmt: skip
    return Run(folder / "again", load_config(folder / "replay.toml"))


def test_a_configured_replay_answers_from_a_log_alone_and_counts_by_content(tmp_path: Path) -> None:
    abilities = Abilities(revision="r1")
    run = replaying(tmp_path, Path("calls.sqlite"))
    section = run.config.language_model.endpoint
    assert section is not None
    known = digests(section.endpoint(), abilities)
    options, shape = ("Yes", "No"), Record({"n": WholeNumber()})
    with CallLog(tmp_path / "calls.sqlite") as log:
        asked = json.dumps(["abilities", 1, section.base_url, section.model, section.protocol, ""])
        log.remember(asked, asdict(abilities))
        log.put(known.choices, "choose", [(choice_key(known.choices, "p", options), "p", [0.25, 0.75])])
        log.put(known.texts, "structured", [(structured_key(known.texts, "p", shape, 5), "p", {"n": 3})])
        log.put("another", "choose", [("k", "p", [0.5, 0.5])])
    model = open_language_model(run)
    assert isinstance(model, ReplayModel)
    assert model.choose(["p"], options).tolist() == [[0.25, 0.75]]
    assert model.structured(["p"], shape, max_tokens=5) == [{"n": 3}]
    annotator(run)  # nothing leaves this machine, so no leave is needed
    before = section_value(run.config, "language_model")
    assert section_value(run.config, "language_model") == before
    with CallLog(tmp_path / "calls.sqlite") as log:
        log.remember("of no account", 1)
    assert section_value(run.config, "language_model") == before
    with CallLog(tmp_path / "calls.sqlite") as log:
        log.put("another", "choose", [("l", "p", [0.5, 0.5])])
    assert section_value(run.config, "language_model") != before


def test_the_status_of_a_run_tells_what_its_language_model_cost(tmp_path: Path) -> None:
    assert spending(tmp_path) is None
    values = {"account": "a", "calls": 3, "retries": 1, "tokens": 65, "cost": 0.75, "cached": 9}
    (tmp_path / "language_model.json").write_text(json.dumps(values))
    assert spending(tmp_path) == (
        "Language model: 3 calls (1 retries), 65 tokens, cost 0.7500; 9 replies from the log"
    )


def test_prompts_without_a_usable_reply_and_replies_from_the_log_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(tmp_path / "run", config(tmp_path, url=LOOPBACK.replace("8000", "8001")))
    run.directory.mkdir()
    section = run.config.language_model.endpoint
    assert section is not None
    known, calls = digests(section.endpoint(), Abilities()), open_call_log(cache_directory())
    calls.remember(
        json.dumps(["abilities", 1, section.base_url, section.model, section.protocol, ""]),
        asdict(Abilities()),
    )
    given, never = (choice_key(known.choices, prompt, ("Yes", "No")) for prompt in ("given", "never"))
    calls.put(known.choices, "choose", [(given, "given", [1.0, 0.0])])
    for _ in range(3):
        calls.put(known.choices, "choose", [(never, "never", None)])

    @accounted
    def annotate(run: Run) -> None:
        rows = open_language_model(run).choose(["given", "never"], ("Yes", "No"))
        assert rows.tolist() == [[1.0, 0.0], [0.5, 0.5]]

    with caplog.at_level("WARNING", logger="knobo"):
        annotate(run)
        annotate(run)
    assert caplog.messages[0].startswith("annotate: the language model gave no usable reply to 1 prompts")
    assert json.loads(run.path("language_model.json").read_text())["cached"] == 2
