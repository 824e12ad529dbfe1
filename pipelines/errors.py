"""The exceptions that the command line shows as one sentence."""

from knowledge.errors import KnowledgeError
from models.errors import ModelsError


class PipelineError(Exception):
    """A mistake in configuration, paths or state of a run: what was found, where, and what to change."""


USER_ERRORS = (KnowledgeError, ModelsError, PipelineError)
"""What a user is meant to read; anything else is a bug and keeps its traceback."""


class RunBusyError(PipelineError):
    """Another process works on the run."""
