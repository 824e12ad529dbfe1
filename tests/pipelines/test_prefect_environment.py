import os
import subprocess
import sys
from pathlib import Path

STARTED = """
import pipelines.prefect_environment
from prefect.settings import PREFECT_HOME
print(PREFECT_HOME.value())
"""


def started(home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A process that prepares for Prefect and imports it, of a user who has set nothing else."""
    unset = ("PREFECT_", "KNOBO_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    here = kept | {"HOME": str(home), "PYTHONPATH": str(Path.cwd())} | settings
    return subprocess.run(
        [sys.executable, "-c", STARTED], env=here, cwd=home, capture_output=True, text=True, check=False
    )


def test_a_user_without_a_cache_folder_gets_a_home_for_prefect(tmp_path: Path) -> None:
    """Prefect makes the last folder of its home only, and its temporary server fails without one."""
    done = started(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    home = Path(done.stdout.strip())
    assert home.is_dir()
    assert home.is_relative_to(tmp_path)
    assert home.parts[-2:] == ("knobo", "prefect")


def test_a_home_that_the_user_names_is_made_as_well(tmp_path: Path) -> None:
    done = started(tmp_path, PREFECT_HOME="~/not/there/yet")
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()) == tmp_path / "not" / "there" / "yet"
    assert (tmp_path / "not" / "there" / "yet").is_dir()
