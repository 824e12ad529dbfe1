"""The two dialects of the OpenAI protocol: what is sent, and what a reply must hold to count as one."""

import abc
import math
from dataclasses import dataclass
from typing import Any, Literal

from knowledge.language.shapes import Shape

MOST_STOPS = 4
"""Of the protocol; replies are cut at all of them on our side as well."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in one call.

    Attributes:
        prompt: The text.
        instruction: What to do with it, where the dialect has a place for that.
        max_tokens: Bound of the reply.
        temperature, seed, stop: As in `Sampling`.
        shape: Of a structured reply.
        top: Most probable first tokens wanted; 0 for none.
        mended: An unusable reply and what is wrong with it, to be told.
    """

    prompt: str
    instruction: str = ""
    max_tokens: int = 16
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    shape: Shape | None = None
    top: int = 0
    mended: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: The reply.
        top: First tokens with their log probabilities, most probable first; empty where not given.
        tokens: Prompt and completion tokens as the server counts them; none where it does not.
        served: Model and fingerprint, as the server names them.
    """

    text: str
    top: tuple[tuple[str, float], ...]
    tokens: tuple[int, int] | None
    served: str


class GarbageError(ValueError):
    """A reply that does not follow the protocol."""


class Dialect(abc.ABC):
    """How /chat/completions or /completions are asked.

    Args:
        model: Name of the model.
        limit: The parameter that bounds the reply.
        enforce: Whether to send the schema of a structured reply.
    """

    resource: Literal["chat.completions", "completions"]

    def __init__(
        self,
        model: str,
        *,
        limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
        enforce: bool = True,
    ) -> None:
        self.model = model
        self.limit = limit
        self.enforce = enforce

    def common(self, question: Question) -> dict[str, Any]:
        """Parameters that both dialects share."""
        more = {"stop": list(question.stop[:MOST_STOPS])} if question.stop else {}
        return {
            "model": self.model,
            self.limit: question.max_tokens,
            "temperature": question.temperature,
            "seed": question.seed,
        } | more

    @abc.abstractmethod
    def body(self, question: Question) -> dict[str, Any]:
        """What is sent."""

    def read(self, value: object) -> Reply:
        """The reply in a body.

        Raises:
            GarbageError: It holds none.
        """
        try:
            return self._read(value)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise GarbageError from error

    def _read(self, value: Any) -> Reply:
        choice = value["choices"][0]
        served = f"{value.get('model') or ''} {value.get('system_fingerprint') or ''}".strip()
        return Reply(self.text(choice), self.top(choice), _usage(value.get("usage")), served[:200])

    @abc.abstractmethod
    def text(self, choice: Any) -> str:
        """Of one choice."""

    @abc.abstractmethod
    def top(self, choice: Any) -> tuple[tuple[str, float], ...]:
        """First tokens of one choice."""


class Chat(Dialect):
    """Messages in, a message out."""

    resource = "chat.completions"

    def body(self, question: Question) -> dict[str, Any]:
        """System message, prompt and, after an unusable reply, that reply and its fault."""
        turns = [("system", question.instruction)] if question.instruction else []
        turns.append(("user", question.prompt))
        if question.mended:
            turns += [("assistant", question.mended[0]), ("user", question.mended[1])]
        body = self.common(question) | {"messages": [{"role": r, "content": text} for r, text in turns]}
        if question.top:
            body |= {"logprobs": True, "top_logprobs": question.top}
        if question.shape and self.enforce:
            schema = {"name": "reply", "strict": True, "schema": question.shape.schema()}
            body |= {"response_format": {"type": "json_schema", "json_schema": schema}}
        return body

    def text(self, choice: Any) -> str:
        """Content of the message; a refusal without content is an empty reply."""
        content = choice["message"]["content"]
        return _string(content) if content is not None else ""

    def top(self, choice: Any) -> tuple[tuple[str, float], ...]:
        """Of `logprobs.content`."""
        content = (choice.get("logprobs") or {}).get("content")
        return _ranked(
            [(each["token"], each["logprob"]) for each in content[0]["top_logprobs"]] if content else []
        )


class Completions(Dialect):
    """Text in, its continuation out."""

    resource = "completions"

    def body(self, question: Question) -> dict[str, Any]:
        """The prompt alone: a continuation has no place for instructions."""
        body = self.common(question) | {"prompt": question.prompt}
        return body | ({"logprobs": question.top} if question.top else {})

    def text(self, choice: Any) -> str:
        """The continuation."""
        return _string(choice["text"])

    def top(self, choice: Any) -> tuple[tuple[str, float], ...]:
        """Of `logprobs.top_logprobs`."""
        tops = (choice.get("logprobs") or {}).get("top_logprobs")
        return _ranked(list(tops[0].items()) if tops else [])


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _ranked(pairs: list[tuple[Any, Any]]) -> tuple[tuple[str, float], ...]:
    checked = [(_string(token), float(value)) for token, value in pairs]
    if any(math.isnan(value) or value > 1e-3 for _, value in checked):
        raise ValueError
    return tuple(sorted(checked, key=lambda pair: -pair[1]))


def _usage(usage: Any) -> tuple[int, int] | None:
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")] if usage else []
    known = bool(counts) and all(isinstance(each, int) and 0 <= each < 10**9 for each in counts)
    return (counts[0], counts[1]) if known else None
