"""The language model of a run."""

from knowledge.language.call_log import CallLog, LoggedModel
from knowledge.language.local import LocalModel
from knowledge.language.protocol import LanguageModel
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights


def open_language_model(run: Run) -> LanguageModel:
    """The configured model; no call is ever made twice on this machine."""
    model = LocalModel(find_weights(run.config.language_model.weights))
    return LoggedModel(model, CallLog(cache_directory() / "calls.sqlite"))
