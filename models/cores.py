"""How many cores this process may use: all, unless it shares the machine with others of its kind."""

import os

VARIABLE = "KNOBO_CORES"


def usable_cores() -> int:
    """`KNOBO_CORES` where the process was started with it, else what the machine has."""
    return int(os.environ.get(VARIABLE) or os.cpu_count() or 1)
