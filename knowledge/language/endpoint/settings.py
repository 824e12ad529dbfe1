"""Which endpoint is asked, and how patiently."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from knowledge.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A language model behind the OpenAI protocol.

    Attributes:
        base_url: Up to and with `/v1`.
        model: As the server names it.
        key_variable: Environment variable with the key; none for servers that want no key.
        protocol: `chat` asks /chat/completions, `completions` continues text as it stands.
        revision: Told apart from other revisions of the same name, where the server does not report one.
        concurrency: Calls under way at once.
        timeout: Seconds a call may take in all.
        attempts: Requests for one reply at most.
    """

    base_url: str
    model: str
    key_variable: str | None = None
    protocol: Literal["chat", "completions"] = "chat"
    revision: str = ""
    concurrency: int = 8
    timeout: float = 60.0
    attempts: int = 8

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise KnowledgeError(
                "The base_url of the language model is no http or https address; "
                "write it like http://127.0.0.1:8000/v1."
            )
        if parts.username or parts.password or parts.query:
            raise KnowledgeError(
                "The base_url of the language model holds a user, a password or a query; "
                "leave them out and name the environment variable with the key instead."
            )
        if min(self.concurrency, self.attempts) < 1 or self.timeout <= 0:
            raise KnowledgeError(
                "An endpoint needs concurrency and attempts of 1 or more and a timeout above 0; correct them."
            )

    @property
    def remote(self) -> bool:
        """Whether what is sent leaves this machine: true of every address but loopback."""
        return not is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def shown(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc

    def key(self, environment: Mapping[str, str]) -> str:
        """The key itself, which goes nowhere but into the client."""
        if self.key_variable is None:
            return "none"
        if not (key := environment.get(self.key_variable, "").strip()):
            raise KnowledgeError(
                f"The environment variable {self.key_variable} is not set; "
                "it should hold the key of the language model."
            )
        return key


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name alone: no name is looked up."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
