"""Prefect as it stands in production: a server on a database, a worker, flow runs; each can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from postgres_server import free_port

POOL = "knobo"
ENTRY = "pipelines.flows.knobo_flow"
ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
START_S = 240.0


@dataclass
class PrefectService:
    """A Prefect server and a worker that starts processes.

    Attributes:
        folder: Home of Prefect, and logs.
        database: Where the server keeps its state, as Prefect takes it.
        environment: Of the flows besides.
        port: Of the server, on 127.0.0.1.
    """

    folder: Path
    database: str
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    server: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    @property
    def url(self) -> str:
        """Of the interface."""
        return f"http://127.0.0.1:{self.port}/api"

    def variables(self) -> dict[str, str]:
        """Environment of server, worker and flows."""
        return (
            os.environ
            | {
                "PREFECT_HOME": str(self.folder / "home"),
                "PREFECT_API_URL": self.url,
                "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_WORKER_QUERY_SECONDS": "1",
                "PREFECT_WORKER_PREFETCH_SECONDS": "1",
                "DO_NOT_TRACK": "1",
            }
            | self.environment
        )

    def start_server(self) -> None:
        """Starts it and waits until it answers."""
        self.server = self._start("server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        deadline = time.monotonic() + START_S
        while not self.healthy():
            assert self.server.poll() is None, self.log("server")[-2000:]
            assert time.monotonic() < deadline, self.log("server")[-2000:]
            time.sleep(0.1)

    def start_worker(self, *, limit: int = 10) -> None:
        """Starts a worker on the pool, which it makes."""
        options = ("--pool", POOL, "--type", "process", "--limit", str(limit), "--name", "one")
        self.worker = self._start("worker", "start", *options)

    def kill_server(self) -> None:
        """SIGKILL."""
        _kill(self.server)

    def kill_worker(self) -> None:
        """SIGKILL to the worker alone: flows that it started live on."""
        _kill(self.worker)

    def kill_flows(self) -> int:
        """SIGKILL to every flow run's process; how many there were."""
        found = self.flow_processes()
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return len(found)

    def stop(self) -> None:
        """Ends all that was started, flows first."""
        for process in (self.worker, self.server):
            if process is not None and process.poll() is None:
                process.terminate()
        self.kill_flows()
        for process in (self.worker, self.server):
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=20)
                _kill(process)
        self.kill_flows()
        self.client.close()

    def flow_processes(self) -> list[int]:
        """Processes that run a flow for this service, by what their environment says."""
        mine = f"PREFECT_HOME={self.folder / 'home'}".encode()
        return [
            int(place.name)
            for place in Path("/proc").iterdir()
            if place.name.isdigit() and (words := _environ(place)) and mine in words and _is_flow(words)
        ]

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            return self.client.get(f"{self.url}/health").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def deploy(self) -> str:
        """A deployment of the flow on the pool, once the worker has made that; its id."""
        deadline = time.monotonic() + START_S
        while not any(pool["name"] == POOL for pool in self.post("/work_pools/filter", {})):
            assert time.monotonic() < deadline, self.log("worker")[-2000:]
            time.sleep(0.2)
        flow = self.post("/flows/", {"name": "knobo"})["id"]
        asked = {"name": "test", "flow_id": flow, "work_pool_name": POOL, "entrypoint": ENTRY}
        return str(self.post("/deployments/", asked | {"enforce_parameter_schema": False})["id"])

    def submit(self, deployment: str, *, config: Path, runs: Path, cache: Path) -> str:
        """A flow run that is due now, with a cache folder of its own; its id."""
        asked = {
            "parameters": {"config": str(config), "runs": str(runs)},
            "job_variables": {"env": {"KNOBO_CACHE": str(cache)}},
            "state": {"type": "SCHEDULED"},
            "idempotency_key": uuid.uuid4().hex,  # asked twice, it is still one run
        }
        return str(self.post(f"/deployments/{deployment}/create_flow_run", asked)["id"])

    def state(self, flow_run: str) -> str:
        """Of a flow run, as `RUNNING`."""
        return str(self.get(f"/flow_runs/{flow_run}")["state_type"])

    def get(self, path: str) -> Any:
        """An answer of the server."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The same for what is sent."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """Asks again while a part of the service comes back from a kill."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                answer = self.client.request(method, self.url + path, json=body)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if not answer.is_server_error or time.monotonic() > deadline:
                    return answer.raise_for_status().json()
            time.sleep(0.5)

    def log(self, part: str) -> str:
        """What server or worker said."""
        return (self.folder / f"{part}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self, part: str, *arguments: str) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{part}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "prefect", part, *arguments],
                env=self.variables(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        process.kill()
    if process is not None:
        process.wait()


def _environ(place: Path) -> list[bytes]:
    try:
        return (place / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _is_flow(words: list[bytes]) -> bool:
    return any(word.startswith(b"PREFECT__FLOW_RUN_ID=") for word in words)
