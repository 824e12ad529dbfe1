"""Shares work among the cores so that none waits for another before it is done.

Where all cores share each product, the slowest holds up the others at every one, which on a machine with
other work was seen to take a hundred times as long.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from models.encoders.workers import one_core_each

Part = TypeVar("Part")
Result = TypeVar("Result")


def cores_of(device: torch.device) -> int:
    """How many parts to make of some work."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def on_each_core(
    work: Callable[[Part], Result], parts: Sequence[Part], *, device: torch.device
) -> list[Result]:
    """Results of all parts in order: on the CPU each part on a core of its own, else one after the other."""
    if device.type != "cpu" or torch.get_num_threads() == 1:
        return [work(part) for part in parts]
    with one_core_each(len(parts)) as pool:
        return list(pool.map(work, parts))


def spans(total: int, *, parts: int) -> list[slice]:
    """Slices of about one size that cover `total`."""
    step = max(1, -(-total // max(1, parts)))
    return [slice(start, min(start + step, total)) for start in range(0, total, step)]
