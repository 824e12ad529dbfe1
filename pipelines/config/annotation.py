"""How reports are read."""

from typing import Literal

from pipelines.config.section import Section


class AnnotationSection(Section):
    """How reports are read."""

    annotator: Literal["rules", "language_model"] = "rules"
    """`rules` is the better one with the default language model; docs/method.md has the figures."""
    lexicon: tuple[str, ...] = ()
    """Names of shipped lexica (chest_xray, skin) or TOML files."""
    silence: Literal["no", "unknown"] = "no"
    """What a report says of a sign that it does not mention."""
