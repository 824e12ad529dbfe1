"""`knobo serve` on a small demo beside a Prefect server, as tests drive it."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect_service import PrefectService

from pipelines.demo.configure import configure_demo
from pipelines.progress import SilentReporter

RUN_S = 600.0  # a run may take on a busy machine
SMALL = {
    "wanted = 60": "wanted = 12",
    "[annotation]": "[screening]\nminimum_answers = 5\n\n[annotation]",
    "epochs = 2\nimages = 100\nsize = 128": "enabled = false",
    'datasets = ["reports"]\n': 'datasets = ["reports"]\nminimum_auroc = 0.0\n',
}
METHODS = '\n[fit]\nmethods = ["knobo", "linear_probe"]\nseeds = 2\n\n[audit]\nreplicates = 200\n'


def small_demo(folder: Path) -> Path:
    chest, _ = configure_demo(folder, images=240, reporter=SilentReporter())
    text = chest.read_text(encoding="utf-8")
    for before, after in SMALL.items():
        assert before in text, before
        text = text.replace(before, after)
    chest.write_text(text + METHODS, encoding="utf-8")
    return chest


@dataclass
class Served:
    """A process of it; `zone` is that of its schedules, `now` what it takes for the time."""

    service: PrefectService
    config: Path
    runs: Path
    zone: str = "UTC"
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Waits until the three deployments are there."""
        command = [sys.executable, "-m", "pipelines.cli", "serve", str(self.config), "--runs", str(self.runs)]
        with (self.service.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--timezone", self.zone], env=self.service.variables(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + RUN_S
        while len(self.service.post("/deployments/filter", {})) < 3:
            assert self.process.poll() is None, self.service.log("serve")[-3000:]
            assert time.monotonic() < deadline, self.service.log("serve")[-3000:]
            time.sleep(0.5)

    def on_demand(self) -> str:
        """Asks for an audit that nobody planned; the id of the flow run."""
        known = self.service.post("/deployments/filter", {})
        (deployment,) = [each["id"] for each in known if each["name"] == "audit-on-demand"]
        asked = {"state": {"type": "SCHEDULED"}}
        return str(self.service.post(f"/deployments/{deployment}/create_flow_run", asked)["id"])

    def end(self, flow_run: str) -> None:
        """Waits until it has ended well."""
        self.wait_for(lambda: self.service.state(flow_run) == "COMPLETED")

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + RUN_S
        while not condition():
            assert time.monotonic() < deadline, self.service.log("serve")[-4000:]
            assert "Failed" not in {run["state_name"] for run in self.flow_runs()}, self.service.log("serve")
            time.sleep(1)

    def flow_runs(self) -> list[dict[str, Any]]:
        """All that were started, or should have been by now."""
        found = self.service.post("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
        now = self.now()
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
