"""Two weeks of `knobo serve` on a Prefect server whose clock is moved from one appointment to the next.

The weeks hold the change to summer time. An audit on demand comes before them; the first that is planned finds
nothing changed, and before the second one labels are shuffled.
"""

import csv
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from moved_clock import MovedClock
from prefect_service import PrefectService

from pipelines.demo.configure import configure_demo
from pipelines.progress import SilentReporter

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2027, 3, 21, 18, tzinfo=BERLIN)  # a Sunday; clocks go forward on the next one
DAYS = 14
RUN_S = 300.0  # a run may take, of our time
SMALL = {
    "wanted = 60": "wanted = 12",
    "[annotation]": "[screening]\nminimum_answers = 5\n\n[annotation]",
    "epochs = 2\nimages = 100\nsize = 128": "enabled = false",
    'datasets = ["reports"]\n': 'datasets = ["reports"]\nminimum_auroc = 0.0\n',
}
METHODS = '\n[fit]\nmethods = ["knobo", "linear_probe"]\nseeds = 2\n\n[audit]\nreplicates = 200\n'


@dataclass
class Receiver:
    """What was posted to an address of this machine."""

    url: str
    texts: list[str] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Takes alerts until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.texts.append(json.loads(body)["text"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_port}/key-that-nobody-may-read")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Served:
    """`knobo serve` beside its server, both by the moved clock."""

    service: PrefectService
    clock: MovedClock
    config: Path
    runs: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Waits until the three deployments are there."""
        command = [sys.executable, "-m", "pipelines.cli", "serve", str(self.config), "--runs", str(self.runs)]
        with (self.service.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--timezone", str(BERLIN)], env=self.service.variables(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + RUN_S
        while len(self.service.post("/deployments/filter", {})) < 3:
            assert self.process.poll() is None, self.service.log("serve")[-3000:]
            assert time.monotonic() < deadline, self.service.log("serve")[-3000:]
            time.sleep(0.5)

    def on_demand(self) -> None:
        """An audit that nobody planned."""
        known = self.service.post("/deployments/filter", {})
        (deployment,) = [each["id"] for each in known if each["name"] == "audit-on-demand"]
        asked = {"state": {"type": "SCHEDULED"}}
        made = self.service.post(f"/deployments/{deployment}/create_flow_run", asked)["id"]
        self.wait_for(lambda: self.service.state(made) == "COMPLETED")

    def keep(self, deployment: str, due: datetime) -> None:
        """Moves the clock to just before an appointment and waits until its run has ended well."""
        self.clock.set(due - timedelta(seconds=3))
        self.wait_for(lambda: self.kept()[deployment, due] == 1)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + RUN_S
        while not condition():
            assert time.monotonic() < deadline, self.service.log("serve")[-4000:]
            assert "Failed" not in {run["state_name"] for run in self.flow_runs()}, self.service.log("serve")
            time.sleep(1)

    def flow_runs(self) -> list[dict[str, Any]]:
        """All that were started, or should have been by now."""
        found = self.service.post("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
        now = self.clock.now()
        return [run for run in found if moment(run["expected_start_time"]) <= now]

    def kept(self) -> Counter[tuple[str, datetime]]:
        """How often each appointment was kept: deployment and due time."""
        names = {each["id"]: each["name"] for each in self.service.post("/deployments/filter", {})}
        return Counter(
            (names[run["deployment_id"]], moment(run["expected_start_time"]))
            for run in self.flow_runs()
            if run["auto_scheduled"] and run["state_type"] == "COMPLETED"
        )

    def events(self) -> Counter[str]:
        """Ours, by their names."""
        page = self.service.post("/events/filter", {"filter": {"event": {"prefix": ["knobo."]}}, "limit": 50})
        return Counter(event["event"] for event in page["events"])

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def appointments() -> list[tuple[str, datetime]]:
    """By the wall clock in Berlin: each day at four, on Mondays at six, too."""
    days = [BEGIN.date() + timedelta(days=day) for day in range(1, DAYS + 1)]
    daily = [("knowledge-refresh", datetime(d.year, d.month, d.day, 4, tzinfo=BERLIN)) for d in days]
    weekly = [("audit", datetime(d.year, d.month, d.day, 6, tzinfo=BERLIN)) for d in days if d.weekday() == 0]
    utc = [(deployment, due.astimezone(UTC)) for deployment, due in (*daily, *weekly)]
    return sorted(utc, key=lambda each: each[1])


def small_demo(folder: Path) -> Path:
    chest, _ = configure_demo(folder, images=240, reporter=SilentReporter())
    text = chest.read_text(encoding="utf-8")
    for before, after in SMALL.items():
        assert before in text, before
        text = text.replace(before, after)
    chest.write_text(text + METHODS, encoding="utf-8")
    return chest


def shuffle_labels(manifest: Path) -> None:
    """What was learnt no longer holds."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] for row in rows]
    random.Random(0).shuffle(labels)
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([row | {"label": label} for row, label in zip(rows, labels, strict=True)])


@pytest.mark.slow
def test_two_weeks_keep_every_appointment_once_and_tell_a_worse_domain_once(
    tmp_path: Path, own_cache: Path
) -> None:
    config, runs = small_demo(tmp_path / "data"), tmp_path / "runs"
    clock = MovedClock.build(tmp_path)
    clock.set(BEGIN)
    with receiver() as alerts:
        environment = clock.environment | {
            "KNOBO_CACHE": str(own_cache),
            "KNOBO_ALERT_URL": alerts.url,
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        database = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
        service = PrefectService(tmp_path / "prefect", database, environment)
        served = Served(service, clock, config, runs)
        try:
            service.start_server()
            served.start()
            served.on_demand()
            for number, (deployment, due) in enumerate(appointments()):
                if deployment == "audit" and number > 2:
                    assert alerts.texts == []
                    shuffle_labels(tmp_path / "data" / "chest_xray" / "metadata.csv")
                served.keep(deployment, due)
            served.on_demand()
            assert served.kept() == Counter(appointments())
            assert {run["state_type"] for run in served.flow_runs()} == {"COMPLETED"}
            assert served.events() == {
                "knobo.refresh.completed": DAYS,
                "knobo.audit.completed": 2,
                "knobo.domain.worse": 1,
            }
            deadline = time.monotonic() + 30
            while not alerts.texts and time.monotonic() < deadline:
                time.sleep(0.5)
        finally:
            served.stop()
            service.stop()
    (alert,) = alerts.texts
    assert alert.startswith("knobo: demo-chest-xray got worse\naccuracy on ")
    assert "key-that-nobody-may-read" not in service.log("server") + service.log("serve")
