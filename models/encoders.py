"""Turns images into feature vectors with a pretrained network, and says exactly which one made them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from models.encoder_weights import headless_model
from models.errors import ModelsError
from models.folding import fold_batch_norm
from models.images import image_digest

VERSION = 1  # of this module; another one whenever it gives other vectors for the same network


class Encoder(Protocol):
    """What feature extraction needs of a network."""

    @property
    def digest(self) -> str:
        """Another one whenever an image could get another vector: architecture, weights, preprocessing."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Pixels `(3, h, w)` of an RGB image, resized and cropped; h and w are the same for every image."""
        ...

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, 3, h, w)`, in their order."""
        ...


class TimmEncoder:
    """A timm network without its classifier; resizing, cropping and scaling follow its own data config.

    Args:
        architecture: A timm model name.
        weights: Safetensors file with timm's tensor names.
        device: `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        ModelsError: Unknown architecture, device that is not there, weights of another network.
    """

    def __init__(self, architecture: str, weights: Path, *, device: str = "cpu") -> None:
        model = headless_model(architecture, weights)
        self.config = data_config(model)
        self.digest = encoder_digest(architecture, image_digest(weights), self.config)
        self._network = FrozenNetwork(model, self.config, device=device)
        self.dimension = self.encode(self.prepare(Image.new("RGB", (256, 256)))[None]).shape[1]

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Pixels `(3, h, w)` of an RGB image, resized and cropped."""
        return self._network.crop(image).numpy()

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, 3, h, w)`, in their order."""
        return self._network.run(pixels)


class TimmGridEncoder:
    """An inner map of a timm network, averaged over a grid of cells: a vector says where as well as what.

    The pooled last layer of an ImageNet network says which object is seen anywhere; clinical signs have
    places (a costophrenic angle, an apex, a lesion's border). The whole image is scaled to the input size and
    nothing is cropped away. On the reports half of the Indiana X-rays, detectors of 38 signs reach a
    cross-validated AUROC of 0.70 on stride 16 and a 3 x 3 grid of `tf_efficientnet_lite0`, and 0.67 on its
    pooled last layer.

    Args:
        architecture: A timm convolutional network.
        weights: Safetensors file with timm's tensor names.
        stride: Of the map, in pixels of the input.
        cells: Of the grid along each side.
        device: `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        ModelsError: As `TimmEncoder`, and a network without a map of that stride.
    """

    def __init__(
        self, architecture: str, weights: Path, *, stride: int = 16, cells: int = 3, device: str = "cpu"
    ) -> None:
        model = headless_model(architecture, weights)
        self.config = data_config(model) | {"crop_pct": 1.0, "crop_mode": "squash"}
        grid = {"stride": stride, "cells": cells}
        self.digest = encoder_digest(architecture, image_digest(weights), self.config | grid)
        self._network = FrozenNetwork(
            GridPooling(model, stride=stride, cells=cells), self.config, device=device
        )
        self.dimension = self.encode(self.prepare(Image.new("RGB", (256, 256)))[None]).shape[1]

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Pixels `(3, h, w)` of an RGB image, resized and cropped."""
        return self._network.crop(image).numpy()

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, channels x cells x cells)` of pixels `(n, 3, h, w)`, in their order."""
        return self._network.run(pixels)


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


class FrozenNetwork:
    """Pixels in, vectors out: a network in evaluation mode with its preprocessing, made fast.

    Args:
        model: Ends in vectors.
        config: Preprocessing as timm describes it.
        device: Where it runs.
    """

    def __init__(self, model: nn.Module, config: Mapping[str, Any], *, device: str) -> None:
        from timm.data.transforms_factory import create_transform  # noqa: PLC0415  # timm takes seconds

        self.device = available_device(device)
        self.crop: Callable[[Image.Image], torch.Tensor] = create_transform(**config, use_prefetcher=True)
        self.mean, self.std = self._per_channel(config["mean"]), self._per_channel(config["std"])
        example = torch.rand(2, *config["input_size"], generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.model = fold_batch_norm(model.eval(), example).to(self.device)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _per_channel(self, values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, device=self.device).view(1, -1, 1, 1)

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, 3, h, w)`, in their order."""
        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self.device)
            batch = batch.to(torch.float32, memory_format=torch.channels_last)
            batch = batch.div_(255).sub_(self.mean).div_(self.std)
            values: NDArray[np.float32] = self.model(batch).float().cpu().numpy()
        return values


def data_config(model: nn.Module) -> dict[str, Any]:
    """Preprocessing of a network, as timm describes it."""
    from timm.data.config import resolve_data_config  # noqa: PLC0415  # timm takes seconds

    config: dict[str, Any] = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
    return config


def available_device(name: str) -> torch.device:
    """The device, refused where this machine has none."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ModelsError(f"the device {name} is not available to torch here; use cpu") from error
    return torch.device(name)


def encoder_digest(architecture: str, weights_digest: str, config: Mapping[str, Any]) -> str:
    """SHA-256 in hex over what decides a vector."""
    about = {
        "version": VERSION,
        "architecture": architecture,
        "preprocessing": dict(config),
        "weights": weights_digest,
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
