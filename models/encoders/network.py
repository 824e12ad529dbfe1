"""A frozen network as an encoder: its crop, its scaling, its vectors and the digest of all that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from models.encoders.devices import Precision, available_device, chosen_precision
from models.encoders.digest import encoder_digest
from models.encoders.folding import fold_batch_norm
from models.encoders.running import CpuRunner, GpuRunner, PixelScaling, Runner
from models.encoders.tracing import traced

Crop = Callable[[Image.Image], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a vector besides the network's code.

    Attributes:
        architecture: Name of the network.
        weights: SHA-256 of its weights.
        preprocessing: Everything that is done to an image, and to the network's output; JSON values only.
    """

    architecture: str
    weights: str
    preprocessing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network runs.

    Attributes:
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: Of the large products; `auto` is float32 on the CPU and float16 on a GPU.
    """

    device: str = "auto"
    precision: Precision = "auto"


AUTOMATIC = Place()
GROUP_BYTES = 160 * 2**20  # of pixels given at once: 1,024 images of 224 x 224


class NetworkEncoder:
    """Resizes with `crop`, scales, and runs the network; one more digest for each lower precision.

    Args:
        model: From scaled pixels `(n, 3, h, w)` to vectors `(n, d)`.
        crop: From an image to pixels `(h, w, 3)`.
        scaling: Of the pixels.
        recipe: For the digest.
        place: Where it runs.

    Raises:
        ModelsError: A device that is not there.
    """

    def __init__(
        self, model: nn.Module, *, crop: Crop, scaling: PixelScaling, recipe: Recipe, place: Place
    ) -> None:
        self.device = available_device(place.device)
        precision = chosen_precision(place.precision, self.device)
        self.recipe, self.prepare = recipe, crop
        lower = {} if precision == torch.float32 else {"precision": str(precision)}
        self.digest = encoder_digest(recipe.architecture, recipe.weights, {**recipe.preprocessing, **lower})
        blank = self.prepare(Image.new("RGB", (256, 256)))[None]
        self._runner = runner_of(
            model, scaling, device=self.device, precision=precision, size=blank.shape[1:3]
        )
        self.dimension = self.encode(blank).shape[1]
        self.group = affordable(self._runner.group, image_bytes=blank.nbytes)

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, h, w, 3)`, in their order."""
        if not len(pixels):
            return np.empty((0, self.dimension), dtype=np.float32)
        return self._runner.run(pixels)


def affordable(group: int | None, *, image_bytes: int) -> int | None:
    """As many images of a group as `GROUP_BYTES` hold; several groups are in memory at a time."""
    return group and max(1, min(group, GROUP_BYTES // image_bytes))


def runner_of(
    model: nn.Module,
    scaling: PixelScaling,
    *,
    device: torch.device,
    precision: torch.dtype,
    size: tuple[int, int],
) -> Runner:
    """The network in evaluation mode, its batch normalisations folded, where it is to run."""
    example = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    folded = fold_batch_norm(model.eval(), example)
    if device.type != "cpu":
        return GpuRunner(folded, scaling, device=device, precision=precision)
    folded = folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if precision == torch.float32:
        folded = traced(folded, example[:1].to(memory_format=torch.channels_last))
    return CpuRunner(folded, scaling, precision=precision)
