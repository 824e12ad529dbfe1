"""Measures the client of E-utilities against a server on loopback that enforces NCBI's limit.

python tests/benchmarks/pubmed_api.py
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import Figure, report

PROCESSES, THREADS, RECORDS, FAULTY = 4, 3, 25_000, 5
RATES = {"without_key": ("", 3), "with_key": ("some-key", 10)}
CLIENT = """
import os, sys
from pathlib import Path
from knowledge.sources.pubmed_api import EntrezSettings, PubmedQuery, entrez_limiter, fetch_pubmed

url, folder, number, workers, batch = sys.argv[1:]
settings = EntrezSettings("someone@example.org", base_url=url, workers=int(workers), batch=int(batch))
limiter = entrez_limiter(Path(folder), settings)
fetch_pubmed(PubmedQuery("lung"), Path(folder) / number, settings=settings, limiter=limiter)
"""


def _server() -> Any:
    file = Path(__file__).parents[1] / "knowledge" / "eutils_server.py"
    spec = importlib.util.spec_from_file_location("eutils_server", file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["eutils_server"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(url: str, folder: Path, key: str, *, processes: int, workers: int, batch: int) -> None:
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, url, str(folder), str(number), str(workers), str(batch)],
            env=os.environ | {"NCBI_API_KEY": key},
        )
        for number in range(processes)
    ]
    assert [client.wait() for client in clients] == [0] * processes


def _paced(server: Any, key: str, allowed: int) -> tuple[int, float, int]:
    """Most requests in any second, requests a second over all, and how many the server refused."""
    requests = 12 * allowed
    dates = server.uneven_dates(5 * (requests // PROCESSES - 1), busy=10)
    with (
        tempfile.TemporaryDirectory() as folder,
        server.serve(server.Eutils(dates, allowed=allowed)) as eutils,
    ):
        _run(eutils.url, Path(folder), key, processes=PROCESSES, workers=THREADS, batch=5)
        times: Sequence[float] = [asked.at for asked in eutils.asked]
        peak = server.peak_per_second(eutils.asked)
        return peak, (len(times) - 1) / (max(times) - min(times)), eutils.refused


def _complete(server: Any) -> tuple[int, int, float, int]:
    """Records held, records wanted, seconds, and repeated requests with one of five failing."""
    from knowledge.sources.pubmed_api import EntrezSettings, PubmedQuery, RateLimiter, fetch_pubmed

    kinds = [server.status(500), server.truncated, server.error_element, server.html_page, server.short]
    dates = server.uneven_dates(RECORDS, busy=12_000)
    with tempfile.TemporaryDirectory() as folder, server.serve(server.Eutils(dates)) as eutils:
        for number in range(1000):
            eutils.faults.extend([lambda answer: answer] * (FAULTY - 1) + [kinds[number % len(kinds)]])
        started = time.perf_counter()
        done = fetch_pubmed(
            PubmedQuery("lung"),
            Path(folder) / "query",
            settings=EntrezSettings("someone@example.org", base_url=eutils.url, api_key_env=""),
            limiter=RateLimiter(Path(folder) / "schedule.sqlite", "benchmark", 0.0),
            sleep=lambda _: None,
        )
        return done.held, len(dates), time.perf_counter() - started, done.last.repeated


def measure() -> dict[str, Figure]:
    """Pace of several processes, and completeness under faults."""
    server = _server()
    figures: dict[str, Figure] = {}
    for name, (key, allowed) in RATES.items():
        peak, mean, refused = _paced(server, key, allowed)
        how = (
            f"{PROCESSES} processes of {THREADS} threads, stamped on arrival by a server on loopback; "
            f"bar: at most the allowed {allowed}"
        )
        figures |= {
            f"pubmed_api.{name}.peak_rate_per_s": Figure(peak, "requests/s", f"most in any second; {how}"),
            f"pubmed_api.{name}.mean_rate_per_s": Figure(mean, "requests/s", f"first to last; {how}"),
            f"pubmed_api.{name}.refused": Figure(refused, "requests", f"answered 429; {how}"),
        }
    held, wanted, seconds, repeated = _complete(server)
    how = f"query of {wanted} records, 12,000 on one day; every fifth answer of the server is faulty; unpaced"
    worst = figures["pubmed_api.with_key.peak_rate_per_s"]
    return figures | {
        "pubmed_api.peak_rate_per_s": worst,
        "pubmed_api.records_fetched": Figure(held, "records", how),
        "pubmed_api.records_wanted": Figure(wanted, "records", how),
        "pubmed_api.repeated_requests": Figure(repeated, "requests", how),
        "pubmed_api.records_per_s": Figure(held / seconds, "records/s", f"{how}: the client's own cost"),
    }


if __name__ == "__main__":
    report(measure())
