"""PostgreSQL on loopback from Debian's package, without rights on the machine; it can be killed."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.weights import cache_directory

INSTALLED = Path("/usr/lib/postgresql")
PACKAGES = ("libpq5", "libicu72", "libxml2", "libxslt1.1", "libldap-2.5-0", "libsasl2-2", "libllvm14")
"""What the server is linked with and a bare machine may lack; those that cannot be had are left out."""
NOBODY = "nobody"
PATIENCE_S = 60.0
READY = b"ready to accept connections"


class NoPostgresError(RuntimeError):
    """Why there is none on this machine."""


@dataclass(frozen=True)
class Programs:
    """Where `initdb` and `postgres` lie, and libraries that came with them."""

    folder: Path
    libraries: Path | None = None

    def environment(self) -> dict[str, str]:
        """Of a process of theirs."""
        known = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return known | ({"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {})

    def work(self) -> bool:
        """Whether the server can be started."""
        command = [str(self.folder / "postgres"), "--version"]
        with contextlib.suppress(OSError):
            done = subprocess.run(command, env=self.environment(), capture_output=True, check=False)
            return done.returncode == 0
        return False


def find_programs() -> Programs:
    """Those of the machine, else those of a package unpacked into the cache.

    Raises:
        NoPostgresError: Neither is to be had.
    """
    there = installed(INSTALLED)
    if there is not None and there.work():
        return there
    # the server refuses root, and whom it runs as instead may not read root's cache
    place = Path(tempfile.gettempdir()) if os.geteuid() == 0 else cache_directory()
    return unpacked(place / "knobo-postgresql")


def installed(root: Path) -> Programs | None:
    """The newest below a folder as Debian lays it out."""
    found = sorted(root.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return Programs(found[-1].parent) if found else None


def unpacked(folder: Path) -> Programs:
    """Debian's package and its libraries in a folder of our own; nothing is installed."""
    root = folder / "root"
    if not root.exists():
        download(folder)
    programs = installed(root / "usr" / "lib" / "postgresql")
    libraries = next(root.glob("usr/lib/*-linux-gnu"), None)
    if programs is None or not (whole := Programs(programs.folder, libraries)).work():
        raise NoPostgresError(f"PostgreSQL in {root} does not start; install the package postgresql")
    return whole


def download(folder: Path) -> None:
    """Fetches the packages that apt knows and unpacks them side by side."""
    if shutil.which("apt-get") is None:
        raise NoPostgresError("no PostgreSQL here and no apt-get to fetch it; install the package postgresql")
    with tempfile.TemporaryDirectory() as files:
        for package in (server_package(), *PACKAGES):
            subprocess.run(
                ["apt-get", "download", "-q", package], cwd=files, capture_output=True, check=False
            )
        packages = sorted(Path(files).glob("*.deb"))
        if not any(path.name.startswith("postgresql-") for path in packages):
            raise NoPostgresError("apt-get has no PostgreSQL to fetch; install the package postgresql")
        folder.mkdir(parents=True, exist_ok=True)
        begun = folder / f"root.{secrets.token_hex(4)}"
        for path in packages:
            subprocess.run(["dpkg", "-x", str(path), str(begun)], check=True, capture_output=True)
        begun.rename(folder / "root")


def server_package() -> str:
    """The package that `postgresql` stands for, as `postgresql-15`."""
    done = subprocess.run(["apt-cache", "depends", "postgresql"], capture_output=True, text=True, check=False)
    named = [line.split()[-1] for line in done.stdout.splitlines() if "Depends: postgresql-" in line]
    if not named:
        raise NoPostgresError("apt knows no package postgresql; install PostgreSQL 14.9 or later")
    return named[0]


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@dataclass
class Postgres:
    """One database server with a folder of its own.

    Attributes:
        folder: The data; of the user who runs the server.
        programs: What is run.
        port: On 127.0.0.1.
        password: Of the only user.
    """

    folder: Path
    programs: Programs
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As Prefect takes it."""
        return f"postgresql+asyncpg://knobo:{self.password}@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """An empty database."""
        secret = self.folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(self.folder, NOBODY)
            shutil.chown(secret, NOBODY)
        command = [str(self.programs.folder / "initdb"), "--pgdata", str(self.folder / "data")]
        command += ["--username", "knobo", "--auth", "scram-sha-256", "--pwfile", str(secret)]
        command += ["--encoding", "UTF8", "--no-locale"]
        done = subprocess.run(command, **self._as_user(), capture_output=True, check=False)
        if done.returncode:
            raise NoPostgresError(f"initdb failed: {done.stderr.decode(errors='replace').strip()[-300:]}")

    def start(self) -> None:
        """Starts it and waits until it takes connections."""
        command = [str(self.programs.folder / "postgres"), "-D", str(self.folder / "data")]
        for setting in (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="):
            command += ["-c", setting]
        log = self.folder / "log"
        said_before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, **self._as_user(), stdout=file, stderr=file, start_new_session=True
            )
        deadline = time.monotonic() + PATIENCE_S
        while READY not in log.read_bytes()[said_before:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise NoPostgresError(f"PostgreSQL did not start: {self.log()[-300:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to the server and its children, as when the power fails."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ends it in order, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # "fast shutdown"
            self.process.wait(timeout=PATIENCE_S)

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _as_user(self) -> dict[str, Any]:
        """Whom it runs as: it refuses root."""
        user = {"user": NOBODY, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        return {"cwd": self.folder, "env": self.programs.environment(), **user}


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A server of its own, gone afterwards with its data.

    Raises:
        NoPostgresError: There is none on this machine.
    """
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="knobo-postgres-") as folder:
        Path(folder).chmod(0o711)  # whose data are the server's alone
        server = Postgres(Path(folder), programs)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
