"""What a process of a cluster imports before its first task, and the environment that it starts with.

A standing Dask worker loads it with `dask worker ADDRESS --preload pipelines.runners.worker`.
"""

import os

import models.torchvision_operators  # noqa: F401  # before anything that imports torchvision
from models.cores import VARIABLE as CORES
from pipelines.config.runner import RunnerSection
from pipelines.weights import cache_directory

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by torch and the libraries of linear algebra when they are loaded."""


def prepare() -> None:
    """Nothing more: the import is what a process needs."""


def environment(section: RunnerSection) -> dict[str, str]:
    """Variables of a process started here: its share of the cores, and the cache of all."""
    cores = section.cores or max(1, (os.cpu_count() or 1) // section.workers)
    return dict.fromkeys((CORES, *THREADS), str(cores)) | {"KNOBO_CACHE": str(cache_directory().absolute())}
