"""Audits: start one, see how far it is, read its report."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Path, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from pipelines.api.audits import Audit, Auditor, BusyError, State
from pipelines.api.messages import AuditList, AuditRequest, AuditState, examples
from pipelines.api.routes.describing import of_text, problems
from pipelines.api.settings import START
from pipelines.digests import bytes_digest
from pipelines.errors import PipelineError

AuditId = Annotated[
    str,
    Path(pattern="^[0-9a-f]{32}$", description="As `POST /v1/audits` gave it.", examples=[examples.AUDIT_ID]),
]
REPORT_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts",  # an origin of its own, wherever it is opened
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def require_right(request: Request) -> None:
    """Refuses who may ask, but not start; before the body is looked at."""
    if not request.state.caller.may_start:
        raise HTTPException(
            403, f"this needs a key with the right to start audits: the word `{START}` after it in --keys"
        )


def add_audits(app: FastAPI, auditor: Auditor | None) -> None:
    """All three; without a folder of configurations nothing is offered."""

    def offered() -> Auditor:
        if auditor is None:
            raise HTTPException(404, "this server starts no audits; serve with --audits FOLDER")
        return auditor

    Offered = Annotated[Auditor, Depends(offered)]  # noqa: N806 - a type

    @app.post(
        "/v1/audits",
        status_code=202,
        summary="Run a configuration of the server and audit it",
        responses=problems(409),
        dependencies=[Depends(require_right)],
    )
    def start(asked: AuditRequest, auditor: Offered) -> AuditState:
        configuration = auditor.offered().get(asked.configuration)
        if configuration is None:
            raise HTTPException(404, "there is no configuration of that name; GET /v1/audits lists them")
        try:
            return AuditState.of(auditor.start(configuration))
        except PipelineError as error:  # what is asked for is right, the file on the server is not
            fault = str(error).replace(f"{configuration.parent}/", "")
            raise HTTPException(409, f"this configuration cannot be used: {fault}") from error
        except BusyError as error:
            raise HTTPException(409, "another audit is not finished; ask again when it is") from error

    @app.get("/v1/audits", summary="What may be started, and what has been", responses=problems())
    def listed(auditor: Offered) -> AuditList:
        return AuditList(
            configurations=tuple(auditor.offered()),
            audits=tuple(map(AuditState.of, auditor.ledger.audits())),
        )

    @app.get("/v1/audits/{audit}", summary="How far an audit is", responses=problems())
    def state(audit: AuditId, auditor: Offered) -> AuditState:
        return AuditState.of(known(auditor, audit))

    @app.get(
        "/v1/audits/{audit}/report",
        summary="The report of a completed audit",
        response_class=HTMLResponse,
        responses=of_text("text/html", examples.REPORT, 409, 410),
    )
    async def report(audit: AuditId, auditor: Offered) -> HTMLResponse:
        return await run_in_threadpool(report_of, auditor, audit)


def known(auditor: Auditor, number: str) -> Audit:
    """By its id."""
    found = auditor.ledger.audit(number)
    if found is None:
        raise HTTPException(404, "there is no audit of that id; GET /v1/audits lists them")
    return found


def report_of(auditor: Auditor, number: str) -> HTMLResponse:
    """As it was when the audit ended, or not at all."""
    audit = known(auditor, number)
    if audit.state is not State.COMPLETED or audit.outcome is None:
        raise HTTPException(409, f"the audit is {audit.state}; it has a report once it is completed")
    file = auditor.ledger.runs / audit.order.run / "report.html"
    written = file.read_bytes() if file.is_file() else b""  # once: a run may put another in its place
    if bytes_digest(written) != audit.outcome.report:
        raise HTTPException(410, "a later run has changed this report; ask for that of the latest audit")
    return HTMLResponse(written, headers=REPORT_HEADERS)
