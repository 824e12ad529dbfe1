"""The language model of a run, what it cost, and whose reports it may read."""

import functools
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.language.call_log import CallLog
from knowledge.language.endpoint import Ledger, open_endpoint
from knowledge.language.local import LocalModel
from knowledge.language.logged import LoggedModel
from knowledge.question_writer import QuestionWriter, Writer
from knowledge.structured_writer import StructuredWriter
from pipelines.config import DataSet
from pipelines.config.language_model import EndpointSection
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights

SUMMARY = "language_model.json"


def open_language_model(run: Run) -> LoggedModel:
    """The configured model; no call is ever made twice on this machine."""
    section = run.config.language_model
    if section.endpoint is not None:
        return _open_endpoint(section.endpoint, run.path(SUMMARY), cache_directory())
    return LoggedModel(LocalModel(find_weights(section.weights)), open_call_log(cache_directory()))


def open_writer(run: Run) -> Writer:
    """Who turns sentences into questions: chat endpoints reply with JSON, all others continue text."""
    endpoint, model = run.config.language_model.endpoint, open_language_model(run)
    return StructuredWriter(model) if endpoint and endpoint.protocol == "chat" else QuestionWriter(model)


@functools.cache
def open_call_log(directory: Path) -> CallLog:
    """The log of all runs in a cache folder."""
    return CallLog(directory / "calls.sqlite")


@functools.cache
def _open_endpoint(section: EndpointSection, summary: Path, cache: Path) -> LoggedModel:
    """Once a process and run, so that the server is probed once and all stages share one ledger."""
    log, account = open_call_log(cache), account_of(summary)
    ledger = Ledger(
        budget=section.budget(),
        prices=section.prices(),
        already=log.spent(account),
        record=log.recorder(account),
    )
    return LoggedModel(open_endpoint(section.endpoint(), ledger=ledger), log)


def account_of(summary: Path) -> str:
    """Name under which the requests of a run are kept; it lies with the run and ends with it."""
    try:
        return str(json.loads(summary.read_text("utf-8"))["account"])
    except FileNotFoundError:
        account = uuid.uuid4().hex
        write_text(summary, json.dumps({"account": account}) + "\n")
        return account
    except (ValueError, TypeError, KeyError) as error:
        raise PipelineError(f"{summary} is damaged; delete it, and the budget is counted anew") from error


def accounted(stage: Callable[[Run], None]) -> Callable[[Run], None]:
    """A stage that leaves a summary of what the endpoint cost the run so far, however it ends."""

    @functools.wraps(stage)
    def work(run: Run) -> None:
        try:
            stage(run)
        finally:
            if run.path(SUMMARY).is_file():
                write_summary(run)

    return work


def write_summary(run: Run) -> None:
    """Calls, retries, invalid replies, tokens and cost, of all processes that worked on the run."""
    account = account_of(run.path(SUMMARY))
    spent = open_call_log(cache_directory()).spent(account)
    values = {"account": account, **asdict(spent), "tokens": spent.tokens}
    write_text(run.path(SUMMARY), json.dumps(values, indent=1) + "\n")


def require_reports_may_leave(run: Run, datasets: Sequence[DataSet]) -> None:
    """Stops before any report of a data set is sent to another machine without leave.

    Raises:
        PipelineError: A data set with reports does not allow it.
    """
    endpoint = run.config.language_model.endpoint
    if endpoint is None or not endpoint.endpoint().remote:
        return
    for dataset in datasets:
        if dataset.report and not dataset.external_llm_allowed:
            raise PipelineError(
                f"the reports of data set {dataset.name!r} would leave this machine for the language model "
                f"at {endpoint.endpoint().shown}; set external_llm_allowed = true for it if its terms "
                "allow that, or read reports with rules or a local model"
            )
