"""Audits that the server starts, and how far they are."""

from typing import Annotated, Self

from pydantic import Field

from pipelines.api.audits import Audit, State
from pipelines.api.messages import examples
from pipelines.api.messages.base import Message, shown


class AuditRequest(Message):
    """Which configuration to run and audit."""

    model_config = shown(examples.audit_request)

    configuration: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of one that the server offers, as `GET /v1/audits` lists them."""


class AuditWork(Message):
    """What counts its units while a stage runs."""

    model_config = shown(examples.work)

    name: str
    """Of the work."""
    done: int
    """Units done."""
    total: int
    """Units to do."""
    unit: str
    """What is counted."""


class AuditState(Message):
    """How far an audit is."""

    model_config = shown(examples.running)

    id: str
    """By which it is asked for."""
    configuration: str
    """That it runs."""
    run: str
    """Name of the run, a folder below the runs on the server."""
    state: State
    """`interrupted`: its process ended before its time, and the server goes on with it."""
    requested: str
    """When it was asked for, UTC."""
    ended: str | None = None
    """When it ended, UTC."""
    starts: int
    """Processes that have been given it; more than one after an interruption."""
    stages_done: int
    """Finished, or found fresh."""
    stages: int
    """In all; 0 before the first is begun."""
    running: tuple[str, ...]
    """Stages at work."""
    work: AuditWork | None = None
    """What a stage has counted last."""
    error: str | None = None
    """Why it failed, in one sentence."""
    headline: str | None = None
    """Of the audit, in one line."""
    audit: str | None = None
    """SHA-256 of `audit.json`."""

    @classmethod
    def of(cls, audit: Audit) -> Self:
        """From what its files say."""
        order, progress, outcome = audit.order, audit.progress, audit.outcome
        work = AuditWork(name=progress.work, done=progress.done, total=progress.total, unit=progress.unit)
        return cls(
            id=audit.id,
            configuration=order.configuration,
            run=order.run,
            state=audit.state,
            requested=order.requested,
            ended=outcome.ended if outcome else None,
            starts=order.starts,
            stages_done=progress.stages if audit.state is State.COMPLETED else progress.stages_done,
            stages=progress.stages,
            running=() if outcome else progress.running,
            work=work if progress.work and not outcome else None,
            error=(outcome.error or None) if outcome else None,
            headline=(outcome.headline or None) if outcome else None,
            audit=(outcome.audit or None) if outcome else None,
        )


class AuditList(Message):
    """What may be started, and what has been."""

    model_config = shown(examples.audits)

    configurations: tuple[str, ...]
    """Names that `POST /v1/audits` takes."""
    audits: tuple[AuditState, ...]
    """The newest first."""
