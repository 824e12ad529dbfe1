"""The deployments: what runs by the clock, what on demand; `deploy/prefect.yaml` says the same to Prefect."""

from dataclasses import dataclass, replace

from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from pipelines.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Plan:
    """One deployment.

    Attributes:
        name: As Prefect shows it.
        flow: Its flow, a function of `pipelines.deployments.flows`.
        cron: When it runs; None where only on demand.
        description: For the reader of Prefect's pages.
        at_once: Runs of it that may be under way while a further one waits; None where any number may.
    """

    name: str
    flow: str
    cron: str | None
    description: str
    at_once: int | None = None


REFRESH = Plan(
    "knowledge-refresh",
    "knowledge_refresh",
    "0 4 * * *",  # outside the hours that a change to summer time leaves out or repeats
    "Asks the literature for what is new and proposes what follows for the bank; a person accepts it.",
    at_once=1,
)
AUDIT = Plan(
    "audit",
    "audit",
    "0 6 * * 1",
    "Runs what is stale, compares the audit with the one before, and tells when a domain got worse.",
    at_once=1,
)
ON_DEMAND = Plan(
    "audit-on-demand",
    "audit",
    None,
    "An audit of the configuration that is named when it is started.",
)


def plans_at(*, refresh: str | None, audit: str | None, zone: str) -> tuple[Plan, ...]:
    """The plans, at other times where some are given.

    Raises:
        PipelineError: No cron expression, or no time zone.
    """
    times = {REFRESH.name: refresh, AUDIT.name: audit}
    plans = [replace(plan, cron=times.get(plan.name) or plan.cron) for plan in (REFRESH, AUDIT, ON_DEMAND)]
    for plan in plans:
        if plan.cron is not None:
            require_schedule(plan.cron, zone)
    return tuple(plans)


def require_schedule(cron: str, zone: str) -> None:
    """Refuses what Prefect would refuse later.

    Raises:
        PipelineError: No cron expression, or no time zone.
    """
    try:
        CronSchedule(cron=cron, timezone=zone)
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        what = (
            f"there is no time zone {zone!r}; give one as Europe/Berlin, or UTC"
            if field == "timezone"
            else f"{cron!r} is no time of a schedule; give five fields as cron does, e.g. '0 4 * * *'"
        )
        raise PipelineError(what) from error
