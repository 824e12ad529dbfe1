"""The language model of a run: whose reports may leave, what makes stages stale, what it cost."""

import json
from pathlib import Path
from typing import Any

import pytest

from knowledge.language.endpoint.ledger import Request
from pipelines.config import Config, load_config
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.section_values import section_value
from pipelines.stages.language import account_of, accounted, open_call_log, require_reports_may_leave
from pipelines.stages.reports import annotator, grounding_datasets
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
    record = open_call_log(cache_directory()).recorder(account_of(summary))

    @accounted
    def stage(_: Run) -> None:
        record(Request("k", "lost", 1, 1.0, prompt_tokens=30, completion_tokens=10, estimated=True, cost=0.5))
        record(Request("k", "answered", 2, 1.0, prompt_tokens=20, completion_tokens=5, cost=0.25))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        stage(run)
    found = json.loads(summary.read_text())
    assert found.pop("account") == account_of(summary)
    assert found == {
        "calls": 2, "retries": 1, "invalid": 0, "garbage": 0, "lost": 1, "prompt_tokens": 50,
        "completion_tokens": 15, "estimated_tokens": 40, "cost": 0.75, "tokens": 65,
    }  # fmt: skip
