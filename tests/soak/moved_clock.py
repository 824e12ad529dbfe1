"""A wall clock for the processes of a test, which the test moves."""

import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("moved_clock.c")


@dataclass(frozen=True)
class MovedClock:
    """What the processes take for the time.

    Attributes:
        library: Loaded ahead of libc.
        shift: File with the seconds between their clock and ours.
    """

    library: Path
    shift: Path

    @classmethod
    def build(cls, folder: Path) -> "MovedClock":
        """Skips the test where no C compiler is."""
        if (compiler := shutil.which("gcc") or shutil.which("cc")) is None:
            pytest.skip("a moved clock needs a C compiler")
        made = cls(folder / "moved_clock.so", folder / "shift")
        flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror"]
        subprocess.run([compiler, *flags, "-o", made.library, SOURCE, "-ldl"], check=True)
        made.shift.write_bytes(struct.pack("=q", 0))
        return made

    @property
    def environment(self) -> dict[str, str]:
        """Of the processes."""
        return {"LD_PRELOAD": str(self.library), "MOVED_CLOCK": str(self.shift)}

    def set(self, moment: datetime) -> None:
        """Moves all of them at once."""
        with self.shift.open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("=q", round(moment.timestamp() - time.time())))
            file.flush()
            os.fsync(file.fileno())

    def now(self) -> datetime:
        """Their time."""
        (shift,) = struct.unpack("=q", self.shift.read_bytes())
        return datetime.fromtimestamp(time.time() + shift, UTC)
