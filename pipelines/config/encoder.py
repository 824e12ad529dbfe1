"""Images to features."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipelines.config.section import Section


class EncoderSection(Section):
    """Images to features."""

    kind: Literal["timm", "transformers", "open_clip", "untrained", "pixels"] = "timm"
    """`timm`: any network of timm; `transformers`: CLIP, SigLIP, DINO or ViT in the Hugging Face layout;
    `open_clip`: a repository or folder in the OpenCLIP layout, such as the medical CLIPs of the paper;
    `untrained`: a timm network as initialised; `pixels`: no network."""
    weights: str = "efficientnet-lite0"
    """Named weights, a safetensors file, or a folder in the layout of `kind`."""
    hub: str | None = None
    """Hugging Face repository (owner/name) in place of `weights`; needs `revision`."""
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None = None
    """Commit of the repository."""
    offline: bool = False
    """Take from the hub's local cache only."""
    convert: bool = False
    """Read weights that come as a pickle, once and as plain tensors only; refused otherwise."""
    architecture: str = "tf_efficientnet_lite0"
    """Name in timm, for `timm` and `untrained`."""
    features: Literal["grid", "pooled"] = "grid"
    """For `timm`: `grid`: an inner map averaged over cells of the whole image; `pooled`: the last layer."""
    stride: Annotated[int, Field(ge=1)] = 16
    """Of the map, for `grid`."""
    cells: Annotated[int, Field(ge=1)] = 3
    """Along each side, for `grid`."""
    seed: int = 0
    """Of an `untrained` network."""
    device: str = "auto"
    """`auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the large products; `auto` is float32 on the CPU and float16 on a GPU."""
    batch: Annotated[int, Field(ge=1)] = 64
    """Images encoded together; on a GPU they double up to 1,024, as far as its memory goes."""

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, value: str) -> str:
        if re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]+)?", value) is None:
            raise ValueError(f"{value!r} is no device; use auto, cpu, mps, cuda or cuda:1")
        return value

    @model_validator(mode="after")
    def _revision_is_pinned(self) -> Self:
        if (self.hub is None) != (self.revision is None):
            raise ValueError("hub and revision belong together; name the repository and its commit")
        return self

    def meaning(self) -> dict[str, Any]:
        """Everything but how fast it goes."""
        return self.model_dump(mode="json", exclude={"batch", "device", "offline"})
