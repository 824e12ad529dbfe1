"""The commands of docs/operations.md that bring back a run and the database of Prefect, each tried."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import NoPostgresError, Postgres, postgres

from models.files import write_text
from pipelines.config import load_config
from pipelines.run import Run, Stage

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
name = "my-run"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", folder = "images" }]
splits = [{ name = "one", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
"""


def commands(start: str) -> list[str]:
    """Those of the page that begin with a word, without their remarks."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    return [
        line.partition("  #")[0].strip()
        for line in re.findall(r"^    (.+)$", page, re.MULTILINE)
        if line.startswith(start)
    ]


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command of the page does where /data lies elsewhere."""
    here = command.replace("/data/", f"{folder}/data/")
    return subprocess.run(
        ["sh", "-euc", here], cwd=folder, env=environment or None, capture_output=True, text=True, check=False
    )


def work(run: Run) -> None:
    write_text(run.path("out/whole.txt"), "an artifact")


STAGE = Stage("only", 1, (), (), ("out",), work)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    for folder in ("notes", "images", "data/runs/.history/my-run"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "my.toml").write_text(CONFIG, "utf-8")
    (tmp_path / "data/runs/.history/my-run/000001.json").write_text("{}", "utf-8")
    made = Run(tmp_path / "data" / "runs" / "my-run", load_config(tmp_path / "my.toml"))
    with made.locked():
        made.execute(STAGE)
    return made


def test_a_run_that_is_copied_and_restored_is_as_fresh_as_it_was(run: Run, tmp_path: Path) -> None:
    for command in [*commands("flock"), *commands("tar --create")]:
        done = shell(command, tmp_path)
        assert done.returncode == 0, done.stderr
    before = {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()}
    shutil.rmtree(tmp_path / "data" / "runs" / ".history")
    write_text(run.path("out/later.txt"), "newer than the copy")
    for command in [*commands("mv"), *commands("tar --extract")]:
        done = shell(command, tmp_path)
        assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()} == before
    assert run.is_fresh(STAGE)
    assert (tmp_path / "data/runs/.history/my-run/000001.json").exists()


def test_a_run_is_refused_while_it_is_copied(run: Run, tmp_path: Path) -> None:
    (command,) = commands("flock")
    script = (
        "from pathlib import Path; from pipelines.run import Run; from pipelines.config import load_config;"
    )
    script += "run = Run(Path('data/runs/my-run'), load_config(Path('my.toml')));\nwith run.locked(): pass"
    slow = re.sub(r" tar .*", f" {sys.executable} -c {json.dumps(script)}", command)
    done = shell(slow, tmp_path)
    assert "another process works on" in done.stderr
    assert run.is_fresh(STAGE)


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    try:
        with postgres() as server:
            yield server
    except NoPostgresError as error:
        pytest.skip(str(error))


def test_the_database_comes_back_from_its_dump(database: Postgres, tmp_path: Path) -> None:
    programs = database.programs
    for program in ("psql", "pg_dump", "pg_restore"):
        if not (programs.folder / program).exists():
            pytest.skip(
                f"{program} is missing beside PostgreSQL's server; install the package postgresql-client"
            )
    environment = programs.environment() | {
        "PATH": f"{programs.folder}:/usr/bin:/bin",
        "PGPORT": str(database.port),
        "PGPASSWORD": database.password,
        "PGUSER": "knobo",
        "PGHOST": "127.0.0.1",
    }

    def asked(statement: str) -> str:
        done = shell(
            f'psql --no-psqlrc --tuples-only --dbname=prefect --command="{statement}"',
            tmp_path,
            **environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    (made,) = [shell("createdb prefect; createuser --superuser prefect", tmp_path, **environment)]
    assert made.returncode == 0, made.stderr
    asked("create extension if not exists pg_trgm")
    asked("create table flow_run (name text); insert into flow_run values ('a night')")
    for command in commands("pg_dump"):
        done = shell(command.replace("--username=prefect", "--username=knobo"), tmp_path, **environment)
        assert done.returncode == 0, done.stderr
    asked("drop table flow_run")
    for command in commands("pg_restore"):
        done = shell(command.replace("--username=prefect", "--username=knobo"), tmp_path, **environment)
        assert done.returncode == 0, done.stderr
    assert asked("select name from flow_run") == "a night"
