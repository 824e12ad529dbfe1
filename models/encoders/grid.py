"""Averages an inner map of a convolutional network over the cells of a grid."""

import torch
from torch import nn

from models.errors import ModelsError


class GridPooling(nn.Module):
    """The last map of a stride, averaged over cells.

    Args:
        model: A timm network with `forward_intermediates`.
        stride: Input pixels to a map pixel.
        cells: Along each side.
    """

    def __init__(self, model: nn.Module, *, stride: int, cells: int) -> None:
        super().__init__()
        strides = [info["reduction"] for info in getattr(model, "feature_info", ())]
        if not hasattr(model, "forward_intermediates") or stride not in strides:
            there = ", ".join(map(str, sorted(set(strides)))) or "none"
            raise ModelsError(f"the network has no map of stride {stride}; it has {there}")
        self.model, self.cells = model, cells
        self.level = strides.index(stride)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """From `(n, 3, h, w)` to `(n, channels x cells x cells)`."""
        maps = self.model.forward_intermediates(  # type: ignore[operator]  # every network that passed above
            pixels, indices=[self.level], intermediates_only=True, stop_early=True
        )
        return nn.functional.adaptive_avg_pool2d(maps[0], self.cells).flatten(1)
