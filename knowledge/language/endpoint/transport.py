"""One request over the `openai` client: its body within the time allowed, or the reason why there is none."""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knowledge.errors import KnowledgeError
from knowledge.language.endpoint.backoff import retry_after
from knowledge.language.endpoint.settings import Endpoint

LONGEST_BODY = 8_000_000
INSTALL = "pip install 'knobo[openai]'"
RETRIED = frozenset({408, 409, 425, 429})
SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


@dataclass(eq=False)
class HttpError(Exception):
    """The server answered with an error.

    Attributes:
        status: HTTP status.
        code: Its machine-readable code, where it is one plain word.
        parameter: The parameter it objects to, likewise.
        wait: Seconds that it asks to wait.
    """

    status: int
    code: str = ""
    parameter: str = ""
    wait: float | None = None

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return (self.status in RETRIED or self.status >= 500) and self.code not in SPENT


@dataclass(eq=False)
class NoReplyError(Exception):
    """The connection failed.

    Attributes:
        sent: Whether the request had reached the server, so that a reply may have been written and billed.
    """

    sent: bool


class Transport:
    """The client of one endpoint.

    It follows no redirect, for one could carry a report elsewhere; it uses no proxy on loopback; and the
    client's own logging, which shows whole requests, is off.
    """

    def __init__(self, endpoint: Endpoint, *, key: Callable[[], str]) -> None:
        self.timeout = endpoint.timeout
        self._endpoint = endpoint
        self._key = key
        self._client: Any = None
        self._lock = threading.Lock()

    @property
    def client(self) -> Any:
        """The client, made when it is first needed: a run whose replies are all kept needs no key."""
        with self._lock:
            if self._client is None:
                self._client = _connect(self._endpoint, self._key())
            return self._client

    def post(self, resource: str, body: dict[str, Any]) -> object:
        """The JSON body of a reply; `None` where the body is no JSON.

        Raises:
            HttpError: The server answers with an error.
            NoReplyError: It does not answer within the timeout, or not at all.
        """
        client = self.client.with_streaming_response
        create = client.chat.completions.create if resource.startswith("chat") else client.completions.create
        return self._read(lambda: create(**body))

    def models(self) -> object:
        """The JSON body of the list of models."""
        return self._read(self.client.models.with_streaming_response.list)

    def _read(self, send: Any) -> object:
        import httpx2  # noqa: PLC0415 # comes with the openai client
        import openai  # noqa: PLC0415

        limit = time.monotonic() + self.timeout
        try:
            with send() as response:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if time.monotonic() > limit:
                        raise NoReplyError(sent=True)
                    if len(content) > LONGEST_BODY:
                        return None
        except openai.APIStatusError as error:
            raise _fault(error) from None
        except openai.APIConnectionError as error:
            unsent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
            raise NoReplyError(sent=not isinstance(error.__cause__, unsent)) from None
        except httpx2.TransportError:
            raise NoReplyError(sent=True) from None
        except httpx2.DecodingError:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return None


def _connect(endpoint: Endpoint, key: str) -> Any:
    try:
        import httpx2  # noqa: PLC0415 # comes with the openai client
        import openai  # noqa: PLC0415 # an extra
    except ImportError as error:
        raise KnowledgeError(f"A language model endpoint needs the openai client; run {INSTALL}.") from error
    logging.getLogger("openai").setLevel(logging.WARNING)
    try:
        return openai.OpenAI(
            base_url=endpoint.base_url,
            api_key=key,
            max_retries=0,
            timeout=endpoint.timeout,
            http_client=openai.DefaultHttpxClient(
                follow_redirects=False, trust_env=endpoint.remote, timeout=endpoint.timeout
            ),
        )
    except httpx2.InvalidURL as error:
        raise KnowledgeError(
            f"The base_url of the language model cannot be used ({error}); correct it."
        ) from None


def _fault(error: Any) -> HttpError:
    """What may be shown of an error: its message may repeat the prompt or the key, so it is left out."""
    body = error.body if isinstance(error.body, dict) else {}
    said = str(body.get("message") or "")
    parameter = "max_tokens" if "max_completion_tokens" in said else _word(body.get("param"))
    wait = retry_after(error.response.headers.get("retry-after"), now=time.time())
    return HttpError(error.status_code, _word(body.get("code")), parameter, wait)


def _word(value: object) -> str:
    plain = isinstance(value, str) and len(value) <= 40 and value.replace("_", "").isalnum()
    return str(value) if plain else ""
