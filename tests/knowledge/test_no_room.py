"""What a full disk and a clock that was set back do to the text side."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from knowledge.language import claims

SCRIPT = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from knowledge.retrieval.new_array import new_array

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
new_array(Path(sys.argv[1]), np.float32, (int(sys.argv[2]), 10))[-1] = 1
"""


@pytest.mark.parametrize(("rows", "fits"), [(2_000, True), (4_000, False)])
def test_an_array_that_has_no_room_is_an_error_before_anything_is_written_to_it(
    tmp_path: Path, rows: int, fits: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a.npy"), str(rows)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is fits
    assert ("OSError" in done.stderr) is not fits
    assert done.returncode >= 0  # a signal ended it otherwise


def test_a_claim_from_before_the_clock_was_set_back_does_not_block_for_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = sqlite3.connect(":memory:")
    database.execute(claims.CLAIMS)
    now = time.time()
    elsewhere = claims.Owner("another machine", os.getpid(), "another token")
    monkeypatch.setattr(time, "time", lambda: now + 10 * 86_400)
    assert elsewhere.claim(database, ["a reply"]) == ["a reply"]
    assert claims.Owner.here().claim(database, ["a reply"]) == []  # it is held
    monkeypatch.setattr(time, "time", lambda: now)
    assert claims.Owner.here().claim(database, ["a reply"]) == ["a reply"]
