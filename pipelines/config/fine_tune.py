"""End-to-end training, as a baseline."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipelines.config.section import Section


class FineTuneSection(Section):
    """End-to-end training of a network, as a baseline; what is not given is as in the preset."""

    enabled: bool = True
    """Costs more than everything else together on a CPU."""
    preset: Literal["default", "vit-l-14", "densenet-121"] = "default"
    """`default`: the network of `[encoder]`; the others are the two of the paper, as it trains them."""
    architecture: str | None = None
    """Another network of timm."""
    weights: str | None = None
    """Named weights or a safetensors file to begin with; those of `[encoder]` if not given."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """The best of them by validation accuracy is kept; 20 by default."""
    batch: Annotated[int, Field(ge=2)] | None = None
    """Images a step."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Of AdamW."""
    size: Annotated[int, Field(ge=32)] | None = None
    """Side of the input in pixels."""
    images: Annotated[int, Field(ge=2)] | None = None
    """Training images a split, at most; all of them unless given."""
    seeds: Annotated[int, Field(ge=1)] = 1
    """Models a split."""

    @model_validator(mode="after")
    def _another_network_needs_weights(self) -> Self:
        if self.weights is None and (self.preset != "default" or self.architecture is not None):
            raise ValueError("another network than the encoder's needs weights of its own; name them")
        return self
