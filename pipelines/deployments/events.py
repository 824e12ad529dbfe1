"""Events of finished audits and refreshes, sent so that each arrives once however often it is sent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from prefect.client.orchestration import get_client
from prefect.events import Event, Resource
from prefect.events.clients import get_events_client
from prefect.events.related import related_resources_from_run_context
from prefect.runtime import flow_run

AUDITED = "knobo.audit.completed"
WORSE = "knobo.domain.worse"
BROKEN = "knobo.policy.broken"
REFRESHED = "knobo.refresh.completed"
RETRACTED = "knobo.source.retracted"


def event_of(name: str, run: str, *, of: str, payload: Mapping[str, Any]) -> Event:
    """An event of a run; `of` tells what it is about: the same event of the same thing has the same id."""
    resource = Resource({"prefect.resource.id": f"knobo.run.{run}", "prefect.resource.name": run})
    own = uuid5(NAMESPACE_URL, f"{name}/{run}/{of}")
    return Event(event=name, resource=resource, payload=dict(payload), id=own)


def finished(name: str, run: str, *, payload: Mapping[str, Any]) -> Event:
    """An event of the flow run that is under way, sent once for it."""
    return event_of(name, run, of=str(flow_run.id), payload=payload)


def send(events: Sequence[Event]) -> None:
    """Returns when the server has confirmed them all."""
    if events:
        asyncio.run(_send(events))


async def _send(events: Sequence[Event]) -> None:
    async with get_client() as client:
        related = await related_resources_from_run_context(client)
    async with get_events_client(checkpoint_every=1) as sender:
        for event in events:
            await sender.emit(event.model_copy(update={"related": related}))
