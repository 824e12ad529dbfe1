"""The process of one audit: `python -m pipelines.api.audits.work FOLDER CONFIG RUNS [--serial]`."""

import logging
import sys
from pathlib import Path

from models.evaluation.report import AuditReport
from pipelines.api.audits.ledger import now
from pipelines.api.audits.states import Outcome, State, keep
from pipelines.api.audits.telling import FileReporter
from pipelines.concealing import names_concealed
from pipelines.digests import content_digest
from pipelines.errors import USER_ERRORS
from pipelines.launch import launch
from pipelines.report.summary import headline

log = logging.getLogger("knobo")
BUG = "something is wrong in the program; the log of the audit on the server has the traceback"


def work(folder: Path, config: Path, runs: Path, *, serial: bool) -> Outcome:
    """Runs what the configuration describes; stages that are fresh are not repeated."""
    from pipelines.stages import STAGES  # noqa: PLC0415  # imports torch

    try:
        with names_concealed():
            run = launch(config, runs, serial=serial, reporter=FileReporter(folder, stages=len(STAGES)))
        return Outcome(
            State.COMPLETED,
            now(),
            headline=headline(AuditReport.load(run / "audit.json")),
            audit=content_digest(run / "audit.json"),
            report=content_digest(run / "report.html"),
        )
    except USER_ERRORS as error:
        log.error("%s", error)  # noqa: TRY400 - a sentence for people
        return Outcome(State.FAILED, now(), error=str(error))
    except Exception:
        log.exception("the audit failed")
        return Outcome(State.FAILED, now(), error=BUG)


def main() -> None:
    """The outcome is the last that is written; until then the audit counts as not finished."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    folder, config, runs = map(Path, sys.argv[1:4])
    keep(work(folder, config, runs, serial="--serial" in sys.argv[4:]), folder)


if __name__ == "__main__":
    main()
