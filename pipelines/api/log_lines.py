"""The log of the server: one JSON object a line, with nothing in it that a client sent."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

LOGGERS = ("knobo", "uvicorn")


class JsonLine(logging.Formatter):
    """Time, level and event; what `extra={"fields": ...}` adds; the kind and place of an exception.

    The text of an exception stays out: a library may have put into it what it was given to read.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["from"] = frames(record.exc_info[2])
        return json.dumps(line)


def frames(trace: TracebackType | None) -> list[str]:
    """File, line and function of each call, the innermost last."""
    return [f"{each.filename}:{each.lineno} {each.name}" for each in traceback.extract_tb(trace)]


def log_as_json() -> None:
    """Takes the place of whatever handlers these loggers had; Prometheus counts requests, this names them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    for logger in map(logging.getLogger, LOGGERS):
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
