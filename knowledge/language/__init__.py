"""Language models behind one small protocol, and the log of every call."""

from knowledge.language.call_log import CallLog
from knowledge.language.loading import convert_gguf
from knowledge.language.local import LocalModel
from knowledge.language.logged import LoggedModel
from knowledge.language.protocol import LanguageModel, Sampling, StructuredModel
from knowledge.language.replay import ReplayModel
from knowledge.language.replies import Replies, open_replies

__all__ = [
    "CallLog",
    "LanguageModel",
    "LocalModel",
    "LoggedModel",
    "ReplayModel",
    "Replies",
    "Sampling",
    "StructuredModel",
    "convert_gguf",
    "open_replies",
]
