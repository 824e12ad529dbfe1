"""Which concepts speak for which class."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.config.section import Section


class PriorSection(Section):
    """Which concepts speak for which class."""

    source: Literal["corpus", "language_model"] = "corpus"
    """`corpus` counts how the literature speaks of sign and class."""
    minimum_agreement: float | None = Field(None, ge=0.5, le=1)
    """Share of the votes below which a sign abstains: 0.67 by default, 0.6 for `language_model`."""
    compare: bool = False
    """Also ask the other source, and list in `prior_disagreements.csv` where the two differ."""
    expert: Path | None = None
    """CSV (class, question, sign) by an expert; its signs win."""
