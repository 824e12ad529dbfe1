"""The language model of a run, what it cost, and whose reports it may read."""

import functools
import json
import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knowledge.atomic import write_text
from knowledge.language.call_log import CallLog
from knowledge.language.endpoint import Ledger, digests, open_endpoint, recalled
from knowledge.language.local import LocalModel
from knowledge.language.logged import LoggedModel
from knowledge.language.replay import ReplayModel
from knowledge.language.replies import open_replies
from knowledge.question_writer import QuestionWriter, Writer
from knowledge.structured_writer import StructuredWriter
from pipelines.config import DataSet
from pipelines.config.language_model import EndpointSection, LanguageModelSection
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights

SUMMARY = "language_model.json"
log = logging.getLogger("knobo")
_OPENING = threading.RLock()
"""Stages run in threads: without it two of them would open two logs, two ledgers and two accounts."""
_LOGS: dict[Path, CallLog] = {}
_MODELS: dict[tuple[EndpointSection, Path, Path], LoggedModel] = {}
_TOLD: dict[LoggedModel, int] = {}
"""Replies from the log that are in the summary already."""


def open_language_model(run: Run) -> LoggedModel | ReplayModel:
    """The configured model; no call is ever made twice on this machine."""
    section = run.config.language_model
    if section.replay is not None:
        return _open_replay(section, section.replay)
    if section.endpoint is not None:
        return _open_endpoint(section.endpoint, run.path(SUMMARY), cache_directory())
    calls, local = open_call_log(cache_directory()), LocalModel(find_weights(section.weights))
    calls.remember(_local_name(section), local.digest)
    return LoggedModel(local, calls)


def open_writer(run: Run) -> Writer:
    """Who turns sentences into questions: chat endpoints reply with JSON, all others continue text."""
    endpoint, model = run.config.language_model.endpoint, open_language_model(run)
    return StructuredWriter(model) if endpoint and endpoint.protocol == "chat" else QuestionWriter(model)


def open_call_log(directory: Path) -> CallLog:
    """The log of all runs in a cache folder."""
    with _OPENING:
        if directory not in _LOGS:
            _LOGS[directory] = CallLog(directory / "calls.sqlite")
        return _LOGS[directory]


def _open_endpoint(section: EndpointSection, summary: Path, cache: Path) -> LoggedModel:
    """Once a process and run, so that the server is probed once and all stages share one ledger."""
    with _OPENING:
        if (section, summary, cache) not in _MODELS:
            calls, account = open_call_log(cache), account_of(summary)
            ledger = Ledger(
                budget=section.budget(),
                prices=section.prices(),
                already=calls.spent(account),
                record=calls.recorder(account),
            )
            model = open_endpoint(section.endpoint(), ledger=ledger, memory=calls)
            _MODELS[section, summary, cache] = LoggedModel(model, calls)
        return _MODELS[section, summary, cache]


def _open_replay(section: LanguageModelSection, path: Path) -> ReplayModel:
    """Told which model to repeat as far as the log knows the names of this configuration."""
    with open_replies(path) as replies:
        if section.endpoint is None:
            return ReplayModel(path, digest=replies.recall(_local_name(section)))
        endpoint = section.endpoint.endpoint()
        if (abilities := recalled(endpoint, replies)) is None:
            return ReplayModel(path)
        found = digests(endpoint, abilities)
        return ReplayModel(path, digest=found.choices, text_digest=found.texts)


def _local_name(section: LanguageModelSection) -> str:
    return json.dumps(["weights", section.weights])


def account_of(summary: Path) -> str:
    """Name under which the requests of a run are kept; it lies with the run and ends with it."""
    with _OPENING:
        values = _summary(summary)
        if "account" not in values:
            values = {"account": uuid.uuid4().hex}
            write_text(summary, json.dumps(values) + "\n")
        return str(values["account"])


def _summary(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
        if not isinstance(values, dict) or "account" not in values:
            raise ValueError  # noqa: TRY301 # as any other damage
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise PipelineError(f"{path} is damaged; delete it, and the budget is counted anew") from error
    return values


def accounted(stage: Callable[[Run], None]) -> Callable[[Run], None]:
    """A stage that leaves a summary of what the endpoint cost the run so far, however it ends."""

    @functools.wraps(stage)
    def work(run: Run) -> None:
        try:
            stage(run)
        finally:
            if run.path(SUMMARY).is_file():
                write_summary(run)
            if unusable := sum(model.unusable for model in _models(run)):
                log.warning(
                    "%s: the language model gave no usable reply to %d prompts so far; "
                    "they count as unanswered, and another run asks again",
                    stage.__name__,
                    unusable,
                )

    return work


def write_summary(run: Run) -> None:
    """Calls, retries, invalid replies, tokens and cost, of all processes that worked on the run."""
    path = run.path(SUMMARY)
    with _OPENING:
        before, account = _summary(path), account_of(path)
        cached = int(before.get("cached", 0))
        for model in _models(run):
            found = model.cached
            cached += found - _TOLD.get(model, 0)
            _TOLD[model] = found
        spent = open_call_log(cache_directory()).spent(account)
        values = {"account": account, "cached": cached, **asdict(spent), "tokens": spent.tokens}
        write_text(path, json.dumps(values, indent=1) + "\n")


def _models(run: Run) -> list[LoggedModel]:
    with _OPENING:
        return [model for (_, summary, _), model in _MODELS.items() if summary == run.path(SUMMARY)]


def require_reports_may_leave(run: Run, datasets: Sequence[DataSet]) -> None:
    """Stops before any report of a data set is sent to another machine without leave.

    Raises:
        PipelineError: A data set with reports does not allow it.
    """
    section = run.config.language_model
    endpoint = section.endpoint
    if endpoint is None or section.replay is not None or not endpoint.endpoint().remote:
        return
    for dataset in datasets:
        if dataset.report and not dataset.external_llm_allowed:
            raise PipelineError(
                f"the reports of data set {dataset.name!r} would leave this machine for the language model "
                f"at {endpoint.endpoint().shown}; set external_llm_allowed = true for it if its terms "
                "allow that, or read reports with rules or a local model"
            )
