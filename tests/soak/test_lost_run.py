"""A scheduled run whose process and whatever watched over it are killed is told as crashed."""

import os
import time
from pathlib import Path

import httpx
import pytest
from prefect_service import PrefectService
from served_schedule import Served, small_demo

BEAT_S, WITHIN_S = 30, 90
"""The most often that Prefect beats, and the patience of the automation here; 180 and 600 as shipped."""


def be_impatient(service: PrefectService) -> None:
    """Shortens the patience of the automation that is registered."""
    known = service.post("/automations/filter", {})
    (lost,) = [each for each in known if each["name"] == "knobo: a scheduled run was lost"]
    lost["trigger"]["within"] = WITHIN_S
    changed = {name: lost[name] for name in ("name", "description", "enabled", "trigger", "actions")}
    deadline = time.monotonic() + 60
    while True:
        done = httpx.put(f"{service.url}/automations/{lost['id']}", json=changed, timeout=60)
        if done.is_success:
            return
        assert time.monotonic() < deadline, done.text  # a server on SQLite is busy at times, and says so
        time.sleep(1)


@pytest.mark.slow
def test_a_run_whose_machine_is_lost_is_called_crashed(tmp_path: Path, own_cache: Path) -> None:
    config, runs = small_demo(tmp_path / "data"), tmp_path / "runs"
    environment = {
        "KNOBO_CACHE": str(own_cache),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(BEAT_S),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    }
    database = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    service = PrefectService(tmp_path / "prefect", database, environment)
    served = Served(service, config, runs)
    beat = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
    try:
        service.start_server()
        served.start()
        be_impatient(service)
        lost = served.on_demand()
        served.wait_for(lambda: bool(service.post("/events/filter", beat)["events"]))
        assert served.process is not None
        served.process.kill()
        assert service.kill_flows()
        assert service.state(lost) == "RUNNING"
        deadline = time.monotonic() + WITHIN_S + 2 * BEAT_S + 60
        while service.state(lost) != "CRASHED":
            assert time.monotonic() < deadline, service.log("server")[-3000:]
            time.sleep(1)
    finally:
        served.stop()
        service.stop()
