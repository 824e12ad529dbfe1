"""The one exception of the text side that a user is meant to read."""


class KnowledgeError(Exception):
    """A mistake in what the user gave: one sentence with what was found, where, and what to change."""


class UnknownNameError(KnowledgeError):
    """A name that was asked for is none of those that there are."""


class NetworkError(KnowledgeError):
    """A server that did not answer well enough: the same request may succeed later."""
