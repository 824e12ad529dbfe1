"""Which concepts speak for which class."""

from pathlib import Path
from typing import Literal

from pipelines.config.section import Section


class PriorSection(Section):
    """Which concepts speak for which class."""

    source: Literal["corpus", "language_model"] = "corpus"
    """`corpus` counts how the literature speaks of sign and class."""
    expert: Path | None = None
    """CSV (class, question, sign) by an expert; its signs win."""
