"""End-to-end training, as a baseline."""

from typing import Annotated

from pydantic import Field

from pipelines.config.section import Section


class FineTuneSection(Section):
    """End-to-end training of the default encoder, as a baseline."""

    enabled: bool = True
    """Costs more than everything else together on a CPU."""
    epochs: int = 3
    """The best of them by validation accuracy is kept."""
    seeds: Annotated[int, Field(ge=1)] = 1
    """Models a split."""
    images: int = 300
    """Training images a split, at most."""
    size: int = 224
    """Side of the input in pixels."""
