"""The one exception of the image side that a user is meant to read."""


class ModelsError(Exception):
    """A mistake in what the user gave: one sentence with what was found, where, and what to change."""
