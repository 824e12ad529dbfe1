"""An OpenAI-compatible server on loopback: a real small model behind it, faults drawn in front of it."""

import contextlib
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from knowledge.language import LocalModel, Sampling

NUMBERS = tuple(f"Number {n}" for n in range(40))
ONE = Sampling(max_tokens=1)
"""Prompts of many tests and how they are asked, so that the model thinks about them once."""
SNOW = "Is snow white? Answer yes or no.\nAnswer:"
"""What a probe asks."""
TOP = (("Yes", 0.5), (" no", 0.2), ("The", 0.1))
"""First tokens of a `PlainMind` and their probabilities."""
KINDS = ("429", "500", "before", "after", "garbage")
"""Two of them are timeouts: before anything was generated, and after it."""
GARBAGE = (
    b"<html>bad gateway</html>",
    b'{"choices": [{"mess',
    b'{"choices": []}',
    b"[]",
    b'{"error": null}',
    b"",
)


class Mind(Protocol):
    """Whatever writes the replies."""

    def write(
        self, prompt: str, *, max_tokens: int, stop: tuple[str, ...], temperature: float, seed: int
    ) -> str: ...

    def top(self, prompt: str, count: int) -> list[tuple[str, float]]: ...

    def chat(self, messages: list[dict[str, str]]) -> str: ...

    def fill(self, prompt: str, schema: dict[str, Any]) -> str: ...

    def count(self, text: str) -> int: ...


class RealMind:
    """A small model in this process, one call at a time; what it once said it says again without thinking."""

    def __init__(self, directory: Path) -> None:
        self.model = LocalModel(directory)
        self._said: dict[object, Any] = {}
        self._lock = threading.Lock()

    def write(
        self, prompt: str, *, max_tokens: int, stop: tuple[str, ...], temperature: float, seed: int
    ) -> str:
        sampling = Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed, stop=stop)
        return self._once((prompt, sampling), lambda: self.model.complete([prompt], sampling)[0][0])

    def learn(self, prompts: Sequence[str], sampling: Sampling) -> list[str]:
        """Think about many prompts together, which is faster; their replies."""
        replies = [reply for (reply,) in self.model.complete(prompts, sampling)]
        self._said |= {(prompt, sampling): reply for prompt, reply in zip(prompts, replies, strict=True)}
        return replies

    def top(self, prompt: str, count: int) -> list[tuple[str, float]]:
        return self._once((prompt, count), lambda: self._top(prompt, count))

    def _top(self, prompt: str, count: int) -> list[tuple[str, float]]:
        import torch

        from knowledge.language.reading import Reading

        with torch.inference_mode():
            logits = Reading(self.model.network, [self.model.tokens(prompt)]).logits[0]
            shares = logits.double().log_softmax(-1).topk(count)
        tokens = [self.model.tokenizer.decode([int(i)]) for i in shares.indices]
        return list(zip(tokens, shares.values.tolist(), strict=True))

    def _once(self, key: object, think: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._said:
                self._said[key] = think()
            return self._said[key]

    def chat(self, messages: list[dict[str, str]]) -> str:
        return str(
            self.model.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        )

    def fill(self, prompt: str, schema: dict[str, Any]) -> str:
        """JSON of the schema whose strings the model writes: what a constrained decoder would let through."""
        return self._value(prompt, "", schema)

    def _value(self, prompt: str, begun: str, schema: dict[str, Any]) -> str:
        if schema["type"] == "object":
            parts: list[str] = []
            for name, inner in schema["properties"].items():
                head = f"{json.dumps(name)}: "
                parts.append(head + self._value(prompt, begun + "{" + ", ".join([*parts, head]), inner))
            return "{" + ", ".join(parts) + "}"
        if schema["type"] == "array":
            return f"[{self._value(prompt, begun + '[', schema['items'])}]"
        if schema["type"] == "integer":
            return "7"
        if "enum" in schema:
            return json.dumps(schema["enum"][0])
        text = self.write(prompt + begun + '"', max_tokens=16, stop=('"', "\n"), temperature=0, seed=0)
        return json.dumps(text)

    def count(self, text: str) -> int:
        return len(self.model.tokenizer(text)["input_ids"])


class PlainMind:
    """Says at once what a table says, and what the seed says where the table is silent."""

    def __init__(self, said: dict[str, str] | None = None) -> None:
        self.said = said or {}

    def write(
        self, prompt: str, *, max_tokens: int, stop: tuple[str, ...], temperature: float, seed: int
    ) -> str:
        assert max_tokens >= 1
        assert temperature >= 0
        assert "" not in stop
        return self.said.get(prompt, f"words of seed {seed}")

    def top(self, prompt: str, count: int) -> list[tuple[str, float]]:
        assert prompt
        return [(token, math.log(share)) for token, share in TOP][:count]

    def chat(self, messages: list[dict[str, str]]) -> str:
        return messages[-1]["content"]

    def fill(self, prompt: str, schema: dict[str, Any]) -> str:
        assert prompt
        values = {"integer": 7, "array": ["a question"]}
        return json.dumps({name: values[each["type"]] for name, each in schema["properties"].items()})

    def count(self, text: str) -> int:
        return len(text.split())


@dataclass
class Tally:
    """What the server did.

    Attributes:
        requests: Received.
        faults: Injected, by kind.
        delivered: Sound replies sent in time, by what was asked.
        bodies: What was asked, in order.
    """

    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0


class Server:
    """Plays one model.

    Args:
        mind: Writes the replies.
        faults: Share of requests that meet a fault.
        seed: Of the faults.
        slow: Seconds of a timeout.
        delay: Seconds that every reply takes.
        schema: What becomes of `response_format`.
        logprobs: Whether token probabilities are given.
        usage: Whether tokens are counted.
        key: Demanded, where there is one.
        down: Answers with 503 from so many requests on.
    """

    def __init__(
        self,
        mind: Mind,
        *,
        faults: float = 0.0,
        seed: int = 0,
        slow: float = 1.0,
        delay: float = 0.0,
        schema: Literal["enforce", "ignore", "refuse"] = "enforce",
        logprobs: bool = True,
        usage: bool = True,
        key: str | None = None,
        down: int | None = None,
        retry_after: str = "0",
        revision: str = "r1",
    ) -> None:
        self.mind = mind
        self.faults = faults
        self.slow = slow
        self.delay = delay
        self.schema = schema
        self.logprobs = logprobs
        self.usage = usage
        self.key = key
        self.down = down
        self.retry_after = retry_after
        self.revision = revision
        self.tally = Tally()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.get("/v1/models")(self.models)
        app.post("/v1/chat/completions")(self.chat)
        app.post("/v1/completions")(self.complete)
        return app

    def models(self) -> Any:
        return {
            "object": "list",
            "data": [{"id": "small", "created": int(time.time()), "root": self.revision}],
        }

    def chat(self, request: Request, body: dict[str, Any]) -> Response:
        return self._answer(request, body, self.mind.chat(body["messages"]), json.dumps(body["messages"]))

    def complete(self, request: Request, body: dict[str, Any]) -> Response:
        return self._answer(request, body, body["prompt"], body["prompt"])

    def _answer(self, request: Request, body: dict[str, Any], prompt: str, asked: str) -> Response:
        with self._lock:
            self.tally.requests += 1
            self.tally.bodies.append(body)
            self.tally.busy += 1
            self.tally.busiest = max(self.tally.busiest, self.tally.busy)
            fault = self._random.choice(KINDS) if self._random.random() < self.faults else None
            garbage = self._random.choice(GARBAGE)
            down = self.down is not None and self.tally.requests > self.down
        try:
            if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
                return _error(401, "invalid_api_key")
            return _error(503, "down") if down else self._faulty(fault, garbage, body, prompt, asked)
        finally:
            with self._lock:
                self.tally.busy -= 1

    def _faulty(
        self, fault: str | None, garbage: bytes, body: dict[str, Any], prompt: str, asked: str
    ) -> Response:
        if fault:
            with self._lock:
                self.tally.faults[fault] += 1
        if fault == "429":
            return _error(429, "rate_limit_exceeded", {"retry-after": self.retry_after})
        if fault == "500":
            return _error(500, "server_error")
        if fault == "garbage":
            return Response(garbage, media_type="application/json")
        if fault == "before":
            time.sleep(self.slow)
            return _error(504, "timeout")
        if "response_format" in body and self.schema == "refuse":
            return _error(400, "unknown_parameter")
        time.sleep(self.delay)
        reply = self._reply(body, prompt)
        if fault == "after":
            time.sleep(self.slow)
        else:
            with self._lock:
                self.tally.delivered[asked] += 1
        return JSONResponse(reply)

    def _reply(self, body: dict[str, Any], prompt: str) -> dict[str, Any]:
        if "response_format" in body and self.schema == "enforce":
            text = self.mind.fill(prompt, body["response_format"]["json_schema"]["schema"])
        else:
            text = self.mind.write(
                prompt,
                max_tokens=body["max_tokens"],
                stop=tuple(body.get("stop", ())),
                temperature=body["temperature"],
                seed=body["seed"],
            )
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        if "messages" in body:
            choice["message"] = {"role": "assistant", "content": text}
            if body.get("logprobs") and self.logprobs:
                tops = self.mind.top(prompt, body["top_logprobs"])
                listed = [{"token": token, "logprob": value} for token, value in tops]
                choice["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]}
        else:
            choice["text"] = text
            if body.get("logprobs") and self.logprobs:
                tops = self.mind.top(prompt, body["logprobs"])
                choice["logprobs"] = {"top_logprobs": [dict(reversed(tops))]}
        reply = {"id": "r", "model": body["model"], "system_fingerprint": "fp", "choices": [choice]}
        if self.usage:
            counts = self.mind.count(prompt), self.mind.count(text)
            reply["usage"] = {"prompt_tokens": counts[0], "completion_tokens": counts[1]}
        return reply


def _error(status: int, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    said = {"error": {"message": "the prompt was: SECRET REPORT", "code": code, "param": None}}
    return JSONResponse(said, status_code=status, headers=headers)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[str]:
    """Run it in a thread; gives its base URL."""
    config = uvicorn.Config(
        server.app(),
        host="127.0.0.1",
        port=0,
        log_level="critical",
        lifespan="off",
        ws="none",
        access_log=False,
    )
    runner = uvicorn.Server(config)
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    while not runner.started:
        time.sleep(0.01)
    port = runner.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        runner.should_exit = True
        thread.join()
