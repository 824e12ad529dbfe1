"""Two weeks of `knobo serve` on a Prefect server whose clock is moved from one appointment to the next.

The weeks hold the change to summer time. An audit on demand comes before them; the first planned one finds
nothing changed, and before the second one labels are shuffled. Before the fourth refresh a file that the bank
quotes is taken out of the literature; nobody accepts that, so each refresh from then on finds it.
"""

import csv
import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
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
from served_schedule import Served, small_demo

from knowledge.concepts import ConceptBank
from pipelines.handbook import literature_path

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2027, 3, 21, 18, tzinfo=BERLIN)  # a Sunday; clocks go forward on the next one
DAYS = int(os.environ.get("KNOBO_SOAK_DAYS", "14"))
"""At least eight: the second Monday is the day of the worse audit."""
WITHDRAWN = BEGIN.date() + timedelta(days=4)
"""From this day on a source is missing."""


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


def appointments() -> list[tuple[str, datetime]]:
    """By the wall clock in Berlin: each day at four, on Mondays at six, too."""
    days = [BEGIN.date() + timedelta(days=day) for day in range(1, DAYS + 1)]
    daily = [("knowledge-refresh", datetime(d.year, d.month, d.day, 4, tzinfo=BERLIN)) for d in days]
    weekly = [("audit", datetime(d.year, d.month, d.day, 6, tzinfo=BERLIN)) for d in days if d.weekday() == 0]
    utc = [(deployment, due.astimezone(UTC)) for deployment, due in (*daily, *weekly)]
    return sorted(utc, key=lambda each: each[1])


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


def keep_literature(config: Path, folder: Path) -> None:
    """Where the test may change it; only what is accepted comes into force."""
    shutil.copytree(literature_path(Path("demo-handbook:chest_xray")), folder)
    text = config.read_text(encoding="utf-8")
    local = text.replace('path = "demo-handbook:chest_xray"', f'path = "{folder}"')
    assert local != text
    held = local.replace('literature = "follow"', 'literature = "hold"')
    assert held != local
    config.write_text(held, encoding="utf-8")


def withdraw_a_source(bank: Path, folder: Path) -> None:
    """The file that the first concept quotes."""
    quoted = next(iter(ConceptBank.load(bank))).evidence[0].passage_id
    (folder / quoted.partition("/")[2].partition("#")[0]).unlink()


@pytest.mark.slow
def test_two_weeks_keep_every_appointment_once_and_tell_a_worse_domain_once(
    tmp_path: Path, own_cache: Path
) -> None:
    config, runs = small_demo(tmp_path / "data"), tmp_path / "runs"
    keep_literature(config, tmp_path / "handbook")
    clock = MovedClock.build(tmp_path)
    clock.set(BEGIN)
    with receiver() as alerts:
        environment = clock.environment | {
            "KNOBO_CACHE": str(own_cache),
            "KNOBO_ALERT_URL": alerts.url,
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P60D",  # a week alone by default
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        database = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
        service = PrefectService(tmp_path / "prefect", database, environment)
        served = Served(service, config, runs, str(BERLIN), clock.now)
        try:
            service.start_server()
            served.start()
            served.end(served.on_demand())
            for number, (deployment, due) in enumerate(appointments()):
                if deployment == "audit" and number > 2:
                    assert [text for text in alerts.texts if "withdrawn" not in text] == []
                    shuffle_labels(tmp_path / "data" / "chest_xray" / "metadata.csv")
                if due.astimezone(BERLIN).date() == WITHDRAWN and deployment == "knowledge-refresh":
                    withdraw_a_source(runs / "demo-chest-xray" / "concepts.jsonl", tmp_path / "handbook")
                clock.set(due - timedelta(seconds=3))
                served.wait_for(lambda wanted=(deployment, due): served.kept()[wanted] == 1)
            served.end(served.on_demand())
            assert served.kept() == Counter(appointments())
            assert {run["state_type"] for run in served.flow_runs()} == {"COMPLETED"}
            assert served.events() == {
                "knobo.refresh.completed": DAYS,
                "knobo.audit.completed": 2,
                "knobo.domain.worse": 1,
                "knobo.source.retracted": 1,
            }
            deadline = time.monotonic() + 30
            while len(alerts.texts) < 2 and time.monotonic() < deadline:
                time.sleep(0.5)
        finally:
            served.stop()
            service.stop()
    withdrawn, worse = alerts.texts
    assert withdrawn.startswith("knobo: demo-chest-xray rests on a withdrawn article\n")
    assert worse.startswith("knobo: demo-chest-xray got worse\naccuracy on ")
    assert "key-that-nobody-may-read" not in service.log("server") + service.log("serve")
