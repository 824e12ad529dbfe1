"""Events of finished audits and refreshes, sent so that each arrives once however often it is sent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from prefect.client.orchestration import PrefectClient, get_client
from prefect.events import Event, Resource
from prefect.events.clients import get_events_client
from prefect.events.filters import EventFilter, EventIDFilter
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
    """Returns when the server has confirmed them all; what it has already is not sent again.

    Prefect's triggers remember an event for some minutes alone: sent once more after that, it would raise
    its alert once more.
    """
    if events:
        asyncio.run(_send(events))


async def unknown(client: PrefectClient, events: Sequence[Event]) -> list[Event]:
    """Those that the server does not hold."""
    wanted = EventFilter(id=EventIDFilter(id=[event.id for event in events]))
    there = {event.id for event in (await client.read_events(wanted, limit=len(events))).events}
    return [event for event in events if event.id not in there]


async def _send(events: Sequence[Event]) -> None:
    async with get_client() as client:
        events = await unknown(client, events)
        related = await related_resources_from_run_context(client)
    async with get_events_client(checkpoint_every=1) as sender:
        for event in events:
            await sender.emit(event.model_copy(update={"related": related}))
