"""Who writes the questions."""

from pipelines.config.section import Section


class LanguageModelSection(Section):
    """Who writes the questions."""

    weights: str = "smollm2-135m-instruct"
    """Named weights or a folder with a transformers model."""
