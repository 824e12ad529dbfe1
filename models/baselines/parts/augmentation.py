"""Pixels as a network wants them: cropped, varied and normalised on the device that trains."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.baselines.fine_tune_settings import FineTuneSettings

HALVES = (0.5, 0.5, 0.5)


def to_images(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """`(n, 3, side, side) float32` in [0, 1] from `(n, side, side, 3)`."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255


def normalised(images: Tensor, network: nn.Module) -> Tensor:
    """As the network was pretrained; channels last in memory, which is twice as fast on a CPU.

    timm's networks know the mean and deviation of each channel; others are given values in [-1, 1].
    """
    known = getattr(network, "pretrained_cfg", {"mean": HALVES, "std": HALVES})
    mean, deviation = (
        torch.tensor(known[name], device=images.device).view(1, 3, 1, 1) for name in ("mean", "std")
    )
    return ((images - mean) / deviation).contiguous(memory_format=torch.channels_last)


def augment(images: Tensor, settings: FineTuneSettings, generator: np.random.Generator) -> Tensor:
    """A random square of each, brighter or paler; never mirrored, for left and right have meaning."""
    rows = len(images)
    share = generator.uniform(settings.crop, 1, size=rows)
    middle = generator.uniform(-1, 1, size=(rows, 2)) * (1 - share)[:, None]
    cropped = crop(images, settings.size, torch.from_numpy(share), torch.from_numpy(middle))
    changes = 1 + settings.brightness * generator.uniform(-1, 1, size=(2, rows, 1, 1, 1))
    contrast, brightness = torch.from_numpy(changes).float().to(images.device)
    varied: Tensor = ((cropped - 0.5) * contrast + 0.5 * brightness).clamp(0, 1)
    return varied


def centred(images: Tensor, settings: FineTuneSettings) -> Tensor:
    """The whole of each, at the size of the input."""
    return crop(images, settings.size, torch.ones(len(images)), torch.zeros(len(images), 2))


def crop(images: Tensor, size: int, share: Tensor, middle: Tensor) -> Tensor:
    """Squares of a `share (n,)` of the side about a `middle (n, 2)`; the image reaches from -1 to 1."""
    rows = len(images)
    places = torch.zeros(rows, 2, 3, device=images.device)
    places[:, 0, 0] = places[:, 1, 1] = share.float().to(images.device)
    places[:, :, 2] = middle.float().to(images.device)
    grid = functional.affine_grid(places, [rows, images.shape[1], size, size], align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
