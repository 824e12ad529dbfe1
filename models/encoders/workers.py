"""Threads that each run a whole network on one core, faster than all cores sharing each of its layers."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torch


def one_core_each(workers: int) -> ThreadPoolExecutor:
    """A pool of threads in which torch uses one core; every other thread keeps what it has."""
    everywhere = torch.get_num_threads()
    started = Barrier(workers + 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="network", initializer=use_one_core)
    for _ in range(workers):  # the pool starts a thread only while all others are at work
        pool.submit(started.wait)
    started.wait()
    torch.set_num_threads(everywhere)  # also what threads that are still to come begin with
    return pool


def use_one_core() -> None:
    """Of torch in this thread."""
    torch.get_num_threads()  # or torch would set the number of all threads at this one's first layer
    torch.set_num_threads(1)
