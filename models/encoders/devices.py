"""Where a network runs and with how many bits."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch

from models.errors import ModelsError

Precision = Literal["auto", "float32", "bfloat16", "float16"]
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def available_device(name: str) -> torch.device:
    """The device, refused where this machine has none; `auto` is the first GPU, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ModelsError(f"the device {name} is not available to torch here; use cpu") from error
    return torch.device(name)


def chosen_precision(name: Precision, device: torch.device) -> torch.dtype:
    """The type of the large products; `auto` is float16 on a GPU, which has more digits than bfloat16.

    On the CPU it is float32: without instructions for the short types they are many times slower.
    """
    if name not in {"auto", *TYPES}:
        raise ModelsError(f"precision {name!r} is unknown; use auto, {', '.join(TYPES)}")
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return TYPES[name]


def mixed(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Products in `precision`, sums and normalisations in float32."""
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=precision)


@contextmanager
def full_products(precision: torch.dtype) -> Iterator[None]:
    """Within it, float32 on a GPU is float32; for other precisions nothing changes.

    By default torch lets convolutions round their factors to TF32, which has 10 bits of fraction for 23.
    Float32 vectors of a GPU are kept under the digest of the CPU's, so they must be as exact.
    """
    if precision != torch.float32:
        yield
        return
    convolutions, matrices = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, matrices.allow_tf32
    convolutions.allow_tf32 = matrices.allow_tf32 = False
    try:
        yield
    finally:
        convolutions.allow_tf32, matrices.allow_tf32 = before
