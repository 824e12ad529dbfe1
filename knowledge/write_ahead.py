"""SQLite files that several processes share: readers and one writer at a time do not wait for each other."""

import sqlite3
import time

PATIENCE_S = 60.0
"""Longest wait for another process that opens the same new file."""


def use_write_ahead_log(database: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, where it is not yet.

    The time-out of a connection does not cover the switch: SQLite refuses it at once while another process
    makes it, so that it is asked again.

    Raises:
        sqlite3.OperationalError: The file stays locked, or cannot be used.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            database.execute("pragma journal_mode=wal")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
