"""`knobo api` as a process: it finishes what it is at, logs JSON, and a real audit outlives its SIGKILL."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_example import png
from api_searchable import READER, STARTER, make_searchable_run
from api_wire import request

from pipelines.demo.configure import configure_demo
from pipelines.progress import SilentReporter

SMALL = {
    "wanted = 60": "wanted = 12",
    "[annotation]": "[screening]\nminimum_answers = 5\n\n[annotation]",
    "epochs = 2\nimages = 100\nsize = 128": "epochs = 1\nimages = 16\nsize = 64",
    'datasets = ["reports"]\n': 'datasets = ["reports"]\nminimum_auroc = 0.0\n',
}
READ, START = {"x-api-key": READER}, {"x-api-key": STARTER}


class Process:
    """A server started as people start it."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        command = [sys.executable, "-m", "pipelines.cli", "api", "small", "--port", str(port)]
        command += ["--keys", "keys", "--audits", "configurations", "--runs", "audited"]
        self.log = (folder / "log").open("a+")
        said = len(self.text())  # by a server before this one
        self.process = subprocess.Popen(command, cwd=folder, stderr=self.log, stdout=subprocess.DEVNULL)
        wait_for(lambda: "running on" in self.text()[said:], seconds=120)
        line = next(each for each in reversed(self.lines()) if "running on" in each["event"])
        self.port = int(line["event"].split(":")[-1].split()[0])
        self.url = f"http://127.0.0.1:{self.port}"

    def text(self) -> str:
        return Path(str(self.log.name)).read_text()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_searchable_run(tmp_path / "small")
    (tmp_path / "configurations").mkdir()
    (tmp_path / "audited").mkdir()
    (tmp_path / "keys").write_text(f"{READER}\n{STARTER} start\n")
    return tmp_path


def test_a_server_that_is_told_to_end_finishes_what_it_is_at_and_takes_nothing_new(folder: Path) -> None:
    server = Process(folder)
    whole = request("POST", "/v1/predict", png())
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(whole[:-50])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "Shutting down" in server.text(), seconds=10)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/healthz")
        slow.sendall(whole[-50:])
        answer = b""
        while part := slow.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(30) in {0, -signal.SIGTERM}
    (asked,) = (line for line in server.lines() if line["event"] == "request")
    assert (asked["route"], asked["status"], len(asked["key"])) == ("/v1/predict", 200, 8)
    assert READER not in server.text()


def test_a_real_audit_outlives_a_killed_server_and_gives_its_report(folder: Path) -> None:
    chest, _ = configure_demo(folder / "configurations", images=240, reporter=SilentReporter())
    text = chest.read_text(encoding="utf-8")
    for before, after in SMALL.items():
        assert before in text, before
        text = text.replace(before, after)
    chest.write_text(text, encoding="utf-8")
    server = Process(folder)

    def state(number: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{server.url}/v1/audits/{number}", headers=READ).json()
        return found

    asked = {"configuration": chest.stem}
    number = httpx.post(f"{server.url}/v1/audits", json=asked, headers=START).json()["id"]
    wait_for(lambda: state(number)["stages_done"] > 2, seconds=240)
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    server = Process(folder)
    assert state(number)["state"] == "running"
    wait_for(lambda: state(number)["state"] != "running", seconds=400)
    done = state(number)
    assert (done["state"], done["error"], done["starts"]) == ("completed", None, 1)
    assert done["stages_done"] == done["stages"]
    report = httpx.get(f"{server.url}/v1/audits/{number}/report", headers=READ)
    assert report.status_code == 200
    assert report.content == (folder / "audited" / done["run"] / "report.html").read_bytes()
    os.truncate(folder / "audited" / done["run"] / "report.html", 100)
    assert httpx.get(f"{server.url}/v1/audits/{number}/report", headers=READ).status_code == 410
    server.end(signal.SIGTERM)
