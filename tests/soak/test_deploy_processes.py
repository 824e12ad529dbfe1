"""The processes of deploy/compose.yaml: they come up, register, work, answer, and end within their time."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from composed import Composed
from postgres_server import NoPostgresError, postgres

sys.path.append(str(Path(__file__).resolve().parents[1] / "pipelines"))  # last: its examples
from api_example import make_run, png
from small_disk import works

KEY = "a-key-of-more-than-twenty-letters"
ENDED = (0, -signal.SIGTERM)  # in order, or in order and then by the signal itself, as uvicorn does
CONFIG = """
name = "night"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", folder = "images" }]
splits = [{ name = "one", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
encoder = { kind = "pixels" }
retrieval = { dense = false }
fine_tune = { enabled = false }
refresh = { literature = "hold" }
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    if not works():
        pytest.skip("this system lets no process have a read-only root (user namespaces are off)")
    folder = tmp_path_factory.mktemp("stack")
    for name in ("data/runs", "configs/notes", "configs/images/normal", "tmp", "run/secrets"):
        (folder / name).mkdir(parents=True)
    (folder / "configs" / "night.toml").write_text(CONFIG, "utf-8")
    (folder / "configs" / "notes" / "a.txt").write_text("A blunted angle is a sign of fluid.\n", "utf-8")
    (folder / "run" / "secrets" / "api_keys").write_text(KEY + "\n", "utf-8")
    make_run(folder / "data" / "runs" / "my-run")
    try:
        with postgres() as database:
            composed = Composed(folder, database)
            try:
                yield composed
            finally:
                composed.stop_all()
    except NoPostgresError as error:
        pytest.skip(str(error))


def test_the_whole_stack_comes_up_works_and_outlives_a_restart_of_its_server(stack: Composed) -> None:
    stack.start("prefect-server")
    stack.wait_until_healthy("prefect-server")
    url = f"http://127.0.0.1:{stack.ports[4200]}/api/deployments/filter"
    assert httpx.post(url, json={}).status_code == httpx.codes.UNAUTHORIZED
    assert stack.start("register").wait(timeout=180) == 0, stack.log("register")
    del stack.processes["register"]
    names = {each["name"] for each in stack.ask("/deployments/filter", {})}
    assert names == {"knowledge-refresh", "audit", "audit-on-demand"}
    planned = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    end = time.monotonic() + 90
    while not stack.ask("/flow_runs/filter", {"flow_runs": planned}):  # those of the coming nights
        assert time.monotonic() < end, stack.log("prefect-server")
        time.sleep(2)
    stack.start("worker")
    stack.wait_until_healthy("worker")
    (asked,) = [each for each in stack.ask("/deployments/filter", {}) if each["name"] == "audit-on-demand"]
    run = stack.ask(f"/deployments/{asked['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
    ended = wait_for_end(stack, run)
    assert ended["type"] == "FAILED"  # its images are missing on purpose; worker, flow and data were found
    assert "has no PNG" in ended["message"], stack.log("worker")
    assert stack.stop("prefect-server") in ENDED
    stack.start("prefect-server")
    stack.wait_until_healthy("prefect-server")
    assert stack.ask(f"/flow_runs/{run}")["state"]["type"] == "FAILED"
    assert {each["name"] for each in stack.ask("/deployments/filter", {})} == names
    assert stack.stop("worker") in ENDED


def test_the_api_comes_up_lets_keys_in_and_ends_in_time(stack: Composed) -> None:
    stack.start("api")
    stack.wait_until_healthy("api")
    url = f"http://127.0.0.1:{stack.ports[8080]}/v1/predict"
    assert httpx.post(url, content=png()).status_code == httpx.codes.UNAUTHORIZED
    answer = httpx.post(url, content=png(), headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert stack.stop("api") in ENDED


def wait_for_end(stack: Composed, run: str) -> dict[str, str]:
    """The state in which a run of a flow ended."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        state = dict(stack.ask(f"/flow_runs/{run}")["state"])
        if state["type"] in {"COMPLETED", "FAILED", "CRASHED"}:
            return state
        time.sleep(1)
    raise AssertionError(stack.log("worker"))
