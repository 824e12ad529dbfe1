"""Images to features."""

from typing import Literal

from pipelines.config.section import Section


class EncoderSection(Section):
    """Images to features."""

    weights: str = "efficientnet-lite0"
    """Named weights or a safetensors file."""
    architecture: str = "tf_efficientnet_lite0"
    """Name in timm."""
    features: Literal["grid", "pooled"] = "grid"
    """`grid`: an inner map averaged over cells of the whole image; `pooled`: the network's own last layer."""
    stride: int = 16
    """Of the map, for `grid`."""
    cells: int = 3
    """Along each side, for `grid`."""
    batch: int = 64
    """Images encoded together."""
