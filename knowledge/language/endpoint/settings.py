"""Which endpoint is asked, and how patiently."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from knowledge.errors import KnowledgeError
from knowledge.loopback import is_loopback


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
        allow_plain_http: Whether key and prompts may travel unencrypted to another machine.
    """

    base_url: str
    model: str
    key_variable: str | None = None
    protocol: Literal["chat", "completions"] = "chat"
    revision: str = ""
    concurrency: int = 8
    timeout: float = 60.0
    attempts: int = 8
    allow_plain_http: bool = False

    def __post_init__(self) -> None:
        parts = _parts(self.base_url)
        if parts.username or parts.password or parts.query:
            raise KnowledgeError(
                "The base_url of the language model holds a user, a password or a query; "
                "leave them out and name the environment variable with the key instead."
            )
        if parts.scheme == "http" and self.remote and not self.allow_plain_http:
            raise KnowledgeError(
                f"The language model at {self.shown} would get key and prompts over plain http; "
                "write https, or set allow_plain_http = true if the network between is yours."
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
        if not (key.isascii() and key.isprintable()):
            raise KnowledgeError(
                f"The environment variable {self.key_variable} holds characters that no key has; "
                "set it to the key of the language model alone."
            )
        return key


def _parts(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket too few
        known = False
    if not known or not base_url.isprintable() or " " in base_url:
        raise KnowledgeError(
            "The base_url of the language model is no http or https address; "
            "write it like http://127.0.0.1:8000/v1."
        )
    return parts
