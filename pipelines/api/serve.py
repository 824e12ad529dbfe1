"""Runs the server until it is told to end, and finishes what it is at."""

import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from pipelines.api.app import create_app
from pipelines.api.audits import Auditor, Ledger
from pipelines.api.connections import bounded_protocol
from pipelines.api.log_lines import log_as_json
from pipelines.api.metrics import Metrics
from pipelines.api.searching import open_reader
from pipelines.api.served import ServedRun
from pipelines.api.settings import Keys, Limits
from pipelines.api.whole import nobody_at_work
from pipelines.errors import PipelineError
from pipelines.status import open_finished

SECONDS_TO_FINISH = 30
SECONDS_TO_SWITCH = 0.0001
"""Longest that a thread with an image waits for the one that speaks HTTP; with Python's 5 ms cores idle."""


def serve(
    run: Path,
    *,
    host: str,
    port: int,
    keys: Keys,
    configurations: Path | None = None,
    runs: Path | None = None,
) -> None:
    """Blocks; SIGINT and SIGTERM end it once what is in work is answered.

    Args:
        run: Its directory.
        host: Address to listen on.
        port: Port to listen on.
        keys: That are let in.
        configurations: Folder of those that may be run and audited; none are without it.
        runs: Folder of the runs that this makes; that of the served run by default.

    Raises:
        PipelineError: The port is taken, or no finished run is there.
    """
    require_free(host, port)
    limits, metrics = Limits(), Metrics()
    auditor = None
    if configurations is not None:
        auditor = Auditor(configurations, Ledger(runs or run.resolve().parent), metrics)
    with nobody_at_work(run):  # both of one state of the run
        finished = open_finished(run)
        served, reader = ServedRun.opened(finished), open_reader(finished)
    app = create_app(served, limits=limits, keys=keys, reader=reader, auditor=auditor, metrics=metrics)
    log_as_json()
    sys.setswitchinterval(SECONDS_TO_SWITCH)
    uvicorn.Server(server_config(app, limits, metrics, host=host, port=port)).run()


def require_free(host: str, port: int) -> None:
    """Refuses an address that cannot be listened on, before anything is opened.

    Raises:
        PipelineError: Another process listens there, or it is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise PipelineError(
            f"port {port} of {host} is not to be had ({error.strerror}); give another `--port` or `--host`"
        ) from error


def server_config(
    app: FastAPI, limits: Limits, metrics: Metrics, *, host: str = "127.0.0.1", port: int = 0
) -> uvicorn.Config:
    """How connections are treated."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded_protocol(limits, metrics),
        ws="none",  # no route takes one, and the guard would not see it
        log_config=None,
        access_log=False,  # it would hold client addresses
        proxy_headers=False,  # nothing asks for those either
        server_header=False,
        limit_concurrency=2 * limits.connections,  # ours is told as a problem, and counted
        timeout_keep_alive=10,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
