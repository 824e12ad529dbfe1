"""Runs a command where one folder is a tiny disk of its own; no rights on the machine are needed."""

import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def works() -> bool:
    """Whether this system lets a process have disks of its own."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_there(shell: str) -> subprocess.CompletedProcess[str]:
    """What a shell says that may mount; the test is skipped where nobody may."""
    if not works():
        pytest.skip("this system lets no process mount a disk of its own (user namespaces are off)")
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc", shell]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def python(script: str, *arguments: str | Path) -> str:
    """A call of a script, for a shell."""
    return shlex.join([sys.executable, "-c", script, *map(str, arguments)])


def tiny(folder: Path, *, kilobytes: int) -> str:
    """Makes a folder a disk of that size."""
    return f"mount -t tmpfs -o size={kilobytes}k none {shlex.quote(str(folder))}"
