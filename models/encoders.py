"""Turns images into feature vectors with a pretrained network, and says exactly which one made them."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

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

    def encode(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Vectors `(n, d) float32` of RGB images, in their order."""
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
        from timm.data.config import resolve_data_config  # noqa: PLC0415  # timm takes seconds
        from timm.data.transforms_factory import create_transform  # noqa: PLC0415

        model = headless_model(architecture, weights)
        self.device = available_device(device)
        self.config: dict[str, Any] = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
        self.crop = create_transform(**self.config, use_prefetcher=True)
        self.mean = self.per_channel("mean")
        self.std = self.per_channel("std")
        self.digest = encoder_digest(architecture, image_digest(weights), self.config)
        example = (
            torch.rand(2, *self.config["input_size"], generator=torch.Generator().manual_seed(0)) * 2 - 1
        )
        self.model = fold_batch_norm(model.eval(), example).to(self.device)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dimension = self.encode([Image.new("RGB", (256, 256))]).shape[1]

    def per_channel(self, name: str) -> torch.Tensor:
        """A setting of the data config, `(1, 3, 1, 1)` on the device."""
        return torch.tensor(self.config[name], device=self.device).view(1, -1, 1, 1)

    def encode(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Vectors `(n, d) float32` of RGB images, in their order."""
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="crop") as threads:
            pixels = torch.stack(list(threads.map(self.crop, images)))
        with torch.inference_mode():
            batch = pixels.to(self.device).to(torch.float32, memory_format=torch.channels_last)
            batch = batch.div_(255).sub_(self.mean).div_(self.std)
            values: NDArray[np.float32] = self.model(batch).float().cpu().numpy()
        return values


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
