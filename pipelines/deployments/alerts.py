"""The automations that are shipped, and where they send what they have to say."""

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from uuid import UUID

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from pydantic import SecretStr

URL = "KNOBO_ALERT_URL"
BLOCK = "knobo-alerts"


def register_alerts() -> tuple[str, ...]:
    """Makes every shipped automation, or brings it up to date; their names.

    An address in `KNOBO_ALERT_URL` gets what they say as JSON, `{"text": ...}`. Without one they go where
    they went before, which may be a block that somebody chose on Prefect's pages; at first to the list of
    events alone.
    """
    receiver = save_receiver(os.environ[URL]) if os.environ.get(URL) else None
    wanted = [AutomationCore.model_validate(with_receiver(values, receiver)) for values in shipped()]
    with get_client(sync_client=True) as client:
        for automation in wanted:
            put(client, automation, keep_actions=receiver is None)
    return tuple(automation.name for automation in wanted)


def shipped() -> Iterator[dict[str, Any]]:
    """The files, as Prefect reads them."""
    folder = files("pipelines.deployments") / "automations"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        yield json.loads(file.read_text("utf-8"))


def with_receiver(values: dict[str, Any], receiver: UUID | None) -> dict[str, Any]:
    """An automation whose notifications go to that block; to nobody where there is none."""
    return {**values, "actions": [action_with(action, receiver) for action in values["actions"]]}


def action_with(action: dict[str, Any], receiver: UUID | None) -> dict[str, Any]:
    """One action; those that notify nobody are as they are."""
    if action["type"] != "send-notification":
        return action
    return {**action, "block_document_id": receiver} if receiver else {"type": "do-nothing"}


def save_receiver(url: str) -> UUID:
    """The block that posts to an address; the address is kept as a secret, for it often holds a key."""
    block = CustomWebhookNotificationBlock(
        name=BLOCK,
        url="{{address}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets={"address": SecretStr(url)},
    )
    saved = block.save(BLOCK, overwrite=True)
    return saved if isinstance(saved, UUID) else UUID(str(saved))


def put(client: SyncPrefectClient, automation: AutomationCore, *, keep_actions: bool) -> None:
    """Makes it, or replaces the one of that name, whose actions may stay."""
    known = client.read_automations_by_name(automation.name)
    if known:
        actions = known[0].actions if keep_actions else automation.actions
        client.update_automation(known[0].id, automation.model_copy(update={"actions": actions}))
    else:
        client.create_automation(automation)
