"""Linear heads train on one thread of torch each, whatever other threads do meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import torch

from models.heads.shared import one_thread


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as fresh:
        return fresh.submit(torch.get_num_threads).result()


def test_overlapping_uses_of_one_thread_leave_every_thread_its_number() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    inside, leave = [Event(), Event()], [Event(), Event()]

    def used(number: int) -> tuple[int, int]:
        with one_thread():
            with one_thread():
                inside[number].set()
                leave[number].wait(10)
            within = torch.get_num_threads()
        return within, torch.get_num_threads()

    try:
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(used, 0)
            assert inside[0].wait(10)
            assert threads_of_a_new_thread() == 3
            second = threads.submit(used, 1)
            assert inside[1].wait(10)
            leave[0].set()
            assert first.result() == (1, 3)
            leave[1].set()
            assert second.result() == (1, 3)
        assert torch.get_num_threads() == threads_of_a_new_thread() == 3
    finally:
        torch.set_num_threads(before)
