"""Runs the server until it is told to end, and finishes what it is at."""

from pathlib import Path

import uvicorn

from pipelines.api.app import create_app
from pipelines.api.served import ServedRun
from pipelines.api.settings import Keys, Limits

CONNECTIONS = 512
SECONDS_TO_FINISH = 30


def serve(run: Path, *, host: str, port: int, keys: Keys) -> None:
    """Blocks; SIGINT and SIGTERM end it once what is in work is answered."""
    app = create_app(ServedRun.open(run), limits=Limits(), keys=keys)
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,  # it would hold client addresses
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
