"""Both ways from an upload to its scores give the same ones, and a bad image harms nobody else."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, current_thread
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import ModelsError
from pipelines.api.scoring import CoreEach, InBatches, Scorer

IMAGES = 20


def encode(pixels: Any) -> Any:
    """Mean and largest value of each image."""
    stacked = np.stack(pixels).astype(np.float32)
    return np.stack([stacked.mean((1, 2, 3)), stacked.max((1, 2, 3))], axis=1)


def image(number: int) -> Any:
    """The seventh cannot be read."""
    if number == 7:
        raise ModelsError("the upload is damaged")
    return np.full((4, 4, 3), number, np.uint8)


async def scores(scorer: Scorer) -> list[Any]:
    async with scorer.running():
        asked = [scorer.score(partial(image, number)) for number in range(IMAGES)]
        return await asyncio.gather(*asked, return_exceptions=True)


def test_both_ways_give_the_same_scores_and_tell_the_bad_image_alone() -> None:
    sizes: dict[str, list[int]] = {"core": [], "batches": []}
    with ThreadPoolExecutor(2) as readers:
        found = [
            asyncio.run(scores(CoreEach(encode, cores=2, observe=sizes["core"].append))),
            asyncio.run(scores(InBatches(encode, readers=readers, most=4, observe=sizes["batches"].append))),
        ]
    for each in found:
        assert isinstance(each[7], ModelsError)
        assert [row.tolist() for n, row in enumerate(each) if n != 7] == [
            [n, n] for n in range(IMAGES) if n != 7
        ]
    assert sizes["core"] == [1] * (IMAGES - 1)
    assert sum(sizes["batches"]) == IMAGES - 1
    assert 1 < max(sizes["batches"]) <= 4


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_each_core_has_an_image_of_its_own_and_torch_uses_no_other(cores: int) -> None:
    together, threads = Barrier(cores, timeout=30), set()

    def alone() -> Any:
        together.wait()  # passes only where that many are in work at once
        threads.add((current_thread().name, torch.get_num_threads()))
        return image(1)

    async def ask() -> None:
        scorer = CoreEach(encode, cores=cores, observe=lambda _: None)
        async with scorer.running():
            await asyncio.gather(*(scorer.score(alone) for _ in range(cores)))

    before = torch.get_num_threads()
    asyncio.run(ask())
    assert len(threads) == cores
    assert {number for _, number in threads} == {1}
    assert torch.get_num_threads() == before
