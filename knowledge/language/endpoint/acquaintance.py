"""What is known of a server: found out once, remembered, and confirmed before it is asked again."""

import hashlib
import json
import threading
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from knowledge.language.endpoint.client import Client
from knowledge.language.endpoint.probing import Abilities, probe, served_revision
from knowledge.language.endpoint.settings import Endpoint

WORDING = 2
"""Raised when an instruction to the model changes: it is part of the digests."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Of a model: that of its choices, which rest on how options are chosen, and that of its texts."""

    choices: str
    texts: str


def digests(endpoint: Endpoint, abilities: Abilities) -> Digests:
    """What a server's replies are kept under."""
    parts = ["endpoint", WORDING, endpoint.protocol, endpoint.model, endpoint.revision, abilities.revision]
    return Digests(_sha256([*parts, abilities.top]), _sha256(parts))


def _sha256(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Memory(Protocol):
    """Keeps JSON values under names; a call log is one."""

    def recall(self, asked: str) -> Any:
        """None where nothing is kept."""
        ...

    def remember(self, asked: str, found: Any) -> None:
        """In the place of an earlier value; none is nothing."""
        ...


class Recalling(Protocol):
    """A memory that is only read."""

    def recall(self, asked: str) -> Any:
        """None where nothing is kept."""
        ...


def recalled(endpoint: Endpoint, memory: Recalling) -> Abilities | None:
    """What an earlier run has found; none where there was none."""
    found = memory.recall(_asked(endpoint))
    return Abilities(**found) if found else None


def _asked(endpoint: Endpoint) -> str:
    return json.dumps(
        ["abilities", 1, endpoint.base_url, endpoint.model, endpoint.protocol, endpoint.revision]
    )


class Acquaintance:
    """Abilities of a server, in several threads.

    Args:
        client: Asks it.
        memory: Of earlier runs; without one it is asked at once.
    """

    def __init__(self, client: Client, memory: Memory | None) -> None:
        self._client = client
        self._memory = memory
        self._lock = threading.Lock()
        known = recalled(client.endpoint, memory) if memory else None
        self._confirmed = known is None
        self.abilities = known or self._found()

    def confirm(self) -> None:
        """Probe the server anew if it serves another revision than the one remembered; once a process."""
        with self._lock:
            if not self._confirmed and served_revision(self._client) != self.abilities.revision:
                self.abilities = self._found()
            self._confirmed = True

    def forget(self) -> None:
        """Let the next run probe: the server does not do what is remembered of it."""
        if self._memory:
            self._memory.remember(_asked(self._client.endpoint), None)

    def _found(self) -> Abilities:
        found = probe(self._client)
        if self._memory:
            self._memory.remember(_asked(self._client.endpoint), asdict(found))
        return found
