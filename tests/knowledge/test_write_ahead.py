import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from knowledge.write_ahead import use_write_ahead_log


def test_many_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    for number in range(20):
        path, start = tmp_path / f"{number}.sqlite", threading.Barrier(8)

        def join(row: int, path: Path = path, start: threading.Barrier = start) -> None:
            with closing(sqlite3.connect(path, timeout=60)) as database, database:
                start.wait()
                use_write_ahead_log(database)
                database.execute("create table if not exists seen (row integer)")
                database.execute("insert into seen values (?)", (row,))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(join, range(8)))
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("select row from seen order by row").fetchall() == [
                (i,) for i in range(8)
            ]


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"no database" * 100)
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as database, pytest.raises(sqlite3.DatabaseError):
        use_write_ahead_log(database)
