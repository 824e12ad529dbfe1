"""Keeps the libraries that decode images from printing: their warnings may quote what a file says."""

import logging
import re
import warnings
from threading import Lock

LOGGERS = ("PIL", "pydicom", "pylibjpeg", "openjpeg")
LIBRARIES = r"(PIL|pydicom)(\.|$)"
SILENT = logging.CRITICAL + 1
IGNORED = ("ignore", None, Warning, re.compile(LIBRARIES), 0)  # as `warnings` keeps such a filter

lock = Lock()


def keep_libraries_quiet() -> None:
    """Silences Pillow and pydicom in this process; the error that names a file says what matters.

    `warnings.catch_warnings` would not do: it swaps one list for all threads, and images are read in many.
    """
    with lock:
        if IGNORED not in warnings.filters:
            warnings.filterwarnings("ignore", module=LIBRARIES)
        for logger in map(logging.getLogger, LOGGERS):  # by level, which their many modules inherit
            if logger.level != SILENT:  # setting a level goes through all loggers there are
                logger.setLevel(SILENT)
