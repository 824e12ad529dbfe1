"""The processes that deploy/compose.yaml names, on loopback as they stand there, on a read-only root."""

import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from postgres_server import Postgres, free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::[-?]([^}]*))?\}")
PATIENCE_S = 180.0
PASSWORD = "of-a-test-alone-and-nothing-else"


@dataclass
class Composed:
    """The services of the file, each a process whose paths lie in one folder.

    Attributes:
        folder: Stands for /data, /configs, /tmp and the secrets.
        database: In the place of the service `postgres`.
        ports: By the port that the file says.
        processes: Those that run, by service.
    """

    folder: Path
    database: Postgres
    ports: dict[int, int] = field(default_factory=lambda: {4200: free_port(), 8080: free_port()})
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Starts the command of a service."""
        if service == "worker":  # it and the API have port 8080 each, in containers of their own
            self.ports[8080] = free_port()
        stated = self.service(service)
        process = self._popen(service, stated["command"], stated.get("environment", {}))
        self.processes[service] = process
        return process

    def healthy(self, service: str) -> bool:
        """Whether the health check of the file passes."""
        kind, *command = self.service(service)["healthcheck"]["test"]
        assert kind == "CMD"
        port = self.ports[4200 if "4200" in command[-1] else 8080]
        return (
            self._popen("health", [*command[:-1], re.sub(r":(\d{4})/", f":{port}/", command[-1])], {}).wait()
            == 0
        )

    def wait_until_healthy(self, service: str) -> None:
        """Waits for that."""
        end = time.monotonic() + PATIENCE_S
        while not self.healthy(service):
            assert self.processes[service].poll() is None, self.log(service)
            assert time.monotonic() < end, self.log(service)
            time.sleep(2)

    def stop(self, service: str) -> int:
        """SIGTERM, as a container gets it; the exit code, within the time that the file gives."""
        process = self.processes.pop(service)
        process.terminate()
        try:
            return process.wait(timeout=float(self.service(service)["stop_grace_period"].removesuffix("s")))
        finally:
            process.kill()

    def stop_all(self) -> None:
        """Ends what runs, the last first."""
        for service in [*reversed(self.processes)]:
            self.stop(service)

    def service(self, name: str) -> dict[str, Any]:
        """What the file says of a service, filled in."""
        text = (DEPLOY / "compose.yaml").read_text("utf-8")
        values = {"POSTGRES_PASSWORD": self.database.password, "PREFECT_PASSWORD": PASSWORD}
        filled = VARIABLE.sub(lambda found: values.get(found[1], found[2] or ""), text)
        return dict(yaml.safe_load(filled.replace("$$", "$"))["services"][name])

    def log(self, service: str) -> str:
        """What it said."""
        return (self.folder / f"{service}.log").read_text("utf-8", errors="replace")[-3000:]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """An answer of Prefect's server."""
        url, auth = f"http://127.0.0.1:{self.ports[4200]}/api{path}", ("admin", PASSWORD)
        answer = (
            httpx.get(url, auth=auth) if body is None else httpx.post(url, json=body, auth=auth, timeout=60)
        )
        return answer.raise_for_status().json()

    def _popen(self, service: str, command: list[str], stated: dict[str, str]) -> subprocess.Popen[bytes]:
        """A process that may write below its folder and nowhere else."""
        asked = shlex.join([self._here(word) for word in command])
        place = shlex.quote(str(self.folder))
        # a shell starts background jobs with SIGINT ignored: a worker would never end; a container does not
        asked = f"env --default-signal=INT {asked}"
        script = f"mount --bind {place} {place}; mount -o remount,bind,ro /; cd {place}/data; exec {asked}"
        with (self.folder / f"{service}.log").open("ab") as log:
            return subprocess.Popen(
                ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc", script],
                env=self._environment(stated),
                stdout=log,
                stderr=log,
            )

    def _environment(self, stated: dict[str, str]) -> dict[str, str]:
        """Of the image and of the service, with the places of this machine."""
        image = re.findall(
            r"([A-Z_]+)=(\S+)", (DEPLOY / "Dockerfile").read_text("utf-8").rpartition("\nENV ")[2]
        )
        of_database = {"HOST": "127.0.0.1", "PORT": self.database.port, "USER": "knobo", "NAME": "postgres"}
        replaced = {f"PREFECT_SERVER_DATABASE_{name}": str(value) for name, value in of_database.items()}
        values = {name: self._here(str(value)) for name, value in (dict(image) | stated).items()}
        values |= {name: value for name, value in replaced.items() if name in values}
        values["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
        values["PATH"] = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        return values | {"TMPDIR": f"{self.folder}/tmp", "OMP_NUM_THREADS": "1"}

    def _here(self, word: str) -> str:
        """Paths, hosts and ports of the containers as they are here."""
        word = re.sub(r"(?<![\w/])/(data|configs|tmp|run)\b", rf"{self.folder}/\1", word)
        word = word.replace("prefect-server", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")
        return re.sub(r"\b(4200|8080)\b", lambda found: str(self.ports[int(found[1])]), word)
