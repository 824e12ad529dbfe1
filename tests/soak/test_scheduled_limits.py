"""`knobo serve`: a run that is cancelled goes on where it stood, and one run at a time has the GPU."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prefect_service import PrefectService
from served_schedule import Served, small_demo

from pipelines.config import load_config
from pipelines.run import Run


def records(directory: Path) -> dict[str, Any]:
    """Stages that are done."""
    try:
        return dict(json.loads((directory / "manifest.json").read_text("utf-8"))["stages"])
    except FileNotFoundError:
        return {}


def held(service: PrefectService) -> int:
    """GPUs in use."""
    known = service.post("/v2/concurrency_limits/filter", {})
    return next(int(each["active_slots"]) for each in known if each["name"] == "knobo-gpu")


@pytest.mark.slow
def test_a_cancelled_audit_goes_on_where_it_stood_and_two_never_work_at_once(
    tmp_path: Path, own_cache: Path
) -> None:
    config, runs = small_demo(tmp_path / "data"), tmp_path / "runs"
    directory = runs / "demo-chest-xray"
    environment = {
        "KNOBO_CACHE": str(own_cache),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    }
    service = PrefectService(
        tmp_path / "prefect", f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}", environment
    )
    served = Served(service, config, runs)
    try:
        service.start_server()
        served.start()
        first = served.on_demand()
        served.wait_for(lambda: "encode" in records(directory))
        service.post(f"/flow_runs/{first}/set_state", {"state": {"type": "CANCELLING"}})
        served.wait_for(lambda: service.state(first) == "CANCELLED")
        served.wait_for(lambda: service.flow_processes() == [])
        before = records(directory)
        assert "report" not in before
        with Run(directory, load_config(config)).locked():
            assert list(directory.rglob(".*.partial")) == []
        second, third = served.on_demand(), served.on_demand()
        seen = []
        while {service.state(each) for each in (second, third)} != {"COMPLETED"}:
            seen.append(held(service))
            time.sleep(0.5)
            assert service.state(second) not in {"FAILED", "CRASHED"}, service.log("serve")[-3000:]
        assert set(seen) == {0, 1}
        after = records(directory)
        assert {name: after[name] for name in before} == before
        assert "report" in after
        served.wait_for(lambda: bool(served.events()))  # written some seconds after they were confirmed
        assert served.events() == {"knobo.audit.completed": 1}
    finally:
        served.stop()
        service.stop()
