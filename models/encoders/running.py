"""Runs a frozen network on pixels: on the CPU with a core for each image, on a GPU in batches that fit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.encoders.devices import full_products, mixed
from models.encoders.fitting import LARGEST, Fit, run_fitting
from models.encoders.workers import one_core_each
from models.errors import ModelsError


@dataclass(frozen=True, slots=True)
class PixelScaling:
    """From bytes to what a network was trained on: `(pixel / divisor - mean) / std`.

    Attributes:
        divisor: 255 as a rule.
        mean, std: Of each channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    divisor: float = 255

    def __call__(self, pixels: Tensor) -> Tensor:
        """From `(n, h, w, 3) uint8` to `(n, 3, h, w) float32`, channels last."""
        rows = pixels.to(torch.float32).flatten(2)  # whole rows, for three values at a time are slow to take
        mean, std = torch.tensor([self.mean, self.std], device=pixels.device).repeat(1, pixels.shape[2])
        rows = rows.div_(self.divisor).sub_(mean).div_(std)
        return rows.view(pixels.shape).permute(0, 3, 1, 2)


class Runner(Protocol):
    """Pixels in, vectors out."""

    @property
    def group(self) -> int | None:
        """Images it works best on when given at once; None where more of them gain nothing."""
        ...

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, h, w, 3)`, in their order."""
        ...


class CpuRunner:
    """One image at a time on each core: its layers stay in the cache, and no core waits for another.

    So a vector does not depend on the images it is encoded with, to the last bit.

    Args:
        model: From scaled pixels to vectors, its weights channels last.
        scaling: Of the pixels.
        precision: Of the products.
    """

    group = None

    def __init__(self, model: nn.Module, scaling: PixelScaling, *, precision: torch.dtype) -> None:
        self.model, self.scaling, self.precision = model, scaling, precision
        self.device, self.cores = torch.device("cpu"), torch.get_num_threads()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for the images, started at the first use."""
        return one_core_each(self.cores)

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, h, w, 3)`, in their order."""
        images = [pixels[n : n + 1] for n in range(len(pixels))]
        alone = torch.get_num_threads() == 1  # this thread has one core, and others have theirs
        each = map(self.one, images) if alone else self.pool.map(self.one, images)
        return np.concatenate(list(each))

    def one(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vector `(1, d)` of pixels `(1, h, w, 3)`."""
        return forward(self.model, self.scaling(torch.tensor(pixels)), self.precision)


class GpuRunner:
    """Batches as large as the memory takes, from pinned memory, in mixed precision.

    The tests run it on the CPU; no GPU was at hand when it was written.

    Args:
        model: From scaled pixels to vectors.
        scaling: Of the pixels.
        device: Any but the CPU.
        precision: Of the products; float32 is not shortened to TF32.
    """

    group = LARGEST

    def __init__(
        self, model: nn.Module, scaling: PixelScaling, *, device: torch.device, precision: torch.dtype
    ) -> None:
        self.model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.scaling, self.device, self.precision = scaling, device, precision
        self.fit = Fit()

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, h, w, 3)`, in their order."""
        try:
            values, self.fit = run_fitting(self.batch, pixels, self.fit, release=self.release)
        except torch.OutOfMemoryError as error:
            raise ModelsError(
                f"the memory of {self.device} does not hold one image; free it or use cpu"
            ) from error
        return values

    def batch(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors of pixels that go to the device together."""
        there = torch.tensor(pixels)
        if self.device.type == "cuda":
            there = there.pin_memory().to(self.device, non_blocking=True)
        with full_products(self.precision):
            return forward(self.model, self.scaling(there.to(self.device)), self.precision)

    def release(self) -> None:
        """Give unused blocks back to the device."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def forward(model: nn.Module, batch: Tensor, precision: torch.dtype) -> NDArray[np.float32]:
    """Vectors `(n, d)` of scaled pixels, back in the machine's memory."""
    with torch.inference_mode(), mixed(batch.device, precision):
        values: NDArray[np.float32] = model(batch).float().cpu().numpy()
    return values
