"""Language models behind one small protocol, and the log of every call."""

from knowledge.language.call_log import CallLog
from knowledge.language.loading import convert_gguf
from knowledge.language.local import LocalModel
from knowledge.language.logged import LoggedModel
from knowledge.language.protocol import LanguageModel, Sampling, StructuredModel
from knowledge.language.replay import ReplayModel

__all__ = [
    "CallLog",
    "LanguageModel",
    "LocalModel",
    "LoggedModel",
    "ReplayModel",
    "Sampling",
    "StructuredModel",
    "convert_gguf",
]
