"""How reports are read."""

from typing import Literal

from pydantic import Field

from pipelines.config.section import Section


class AnnotationSection(Section):
    """How reports are read."""

    annotator: Literal["rules", "language_model"] = "rules"
    """`rules` is the better one with the default language model; docs/method.md has the figures."""
    lexicon: tuple[str, ...] = ()
    """Names of shipped lexica (chest_xray, skin) or TOML files."""
    silence: Literal["no", "unknown"] = "no"
    """What a report says of a sign that it does not mention."""
    nearest: int = Field(0, ge=0)
    """Reports asked about each concept because a sentence of theirs is near its question."""
    random: int = Field(0, ge=0)
    """Reports drawn from the rest; with `nearest` and `random` 0 every report is asked about everything."""
    compare_with: tuple[Literal["rules", "language_model"], ...] = ()
    """Further readers of some reports, to see in `agreement.json` how far they agree."""
    compare_reports: int = Field(200, ge=1)
    """Reports that they read."""
