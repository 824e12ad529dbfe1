"""Language models over HTTP, asked of a real server on loopback with a real small model behind it."""

import json
import logging
import math
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback_server import NUMBERS, ONE, SNOW, PlainMind, RealMind, Server, serving

from knowledge.errors import KnowledgeError
from knowledge.language import CallLog, LoggedModel, ReplayModel, Sampling
from knowledge.language.endpoint import Budget, BudgetSpentError, Endpoint, Ledger, Prices, open_endpoint
from knowledge.language.endpoint.backoff import Pause, retry_after, wait_after
from knowledge.language.endpoint.choosing import first_option, shares
from knowledge.language.shapes import Choice, Listed, Record, ShapeError, Text, WholeNumber, parse

SHORT = Sampling(max_tokens=2)
QUESTION = "Text: Heart size is normal.\nQuestion: Is the heart enlarged?\nAnswer:"
SHAPE = Record({"questions": Listed(Text(longest=200), most=3)})


@pytest.fixture(scope="module")
def url(mind: RealMind) -> Iterator[str]:
    with serving(Server(mind)) as address:
        yield address


def endpoint(url: str, **settings: Any) -> Endpoint:
    return Endpoint(
        **({"base_url": url, "model": "small", "protocol": "completions", "timeout": 20.0} | settings)
    )


def test_continuations_and_probabilities_equal_those_of_the_model_itself(url: str, mind: RealMind) -> None:
    remote = open_endpoint(endpoint(url))
    prompts = [SNOW, NUMBERS[0]]
    assert remote.complete(prompts, SHORT) == [mind.model.complete([each], SHORT)[0] for each in prompts]
    found, expected = (model.choose([QUESTION], ("Yes", "No")) for model in (remote, mind.model))
    np.testing.assert_allclose(
        found, expected, atol=0.02
    )  # the server lists 20 tokens, the model sums over all
    assert remote.complete([], SHORT) == []
    assert remote.choose([], ("Yes", "No")).shape == (0, 2)


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """A server that need not think."""
    with serving(Server(PlainMind())) as address:
        yield address


def test_several_samples_are_calls_of_their_own(plain: str) -> None:
    sampling = Sampling(max_tokens=3, samples=2, temperature=2.0, seed=4)
    assert open_endpoint(endpoint(plain)).complete(["The"], sampling) == [
        ["words of seed 4", "words of seed 5"]
    ]


def test_a_chat_server_chooses_by_the_first_token(plain: str) -> None:
    remote = open_endpoint(endpoint(plain, protocol="chat"))
    assert remote.abilities.top == 20
    np.testing.assert_allclose(remote.choose([QUESTION], ("Yes", "No")), [[5 / 7, 2 / 7]])


def test_without_probabilities_one_word_decides_and_the_digest_tells(plain: str) -> None:
    mind = PlainMind({QUESTION: "No, it is not", "Count.": "One, two, three,"})
    with serving(Server(mind, logprobs=False)) as bare:
        remote = open_endpoint(endpoint(bare))
        assert remote.abilities.top == 0
        assert remote.choose([QUESTION, "Count."], ("Yes", "No")).tolist() == [[0, 1], [0.5, 0.5]]
    assert remote.ledger.spent.invalid == 1
    assert remote.digest != open_endpoint(endpoint(plain)).digest


def test_the_digest_names_model_and_revision_but_not_the_address() -> None:
    digests = []
    for revision in ("r1", "r1", "r2"):
        with serving(Server(PlainMind(), revision=revision)) as address:
            digests.append(open_endpoint(endpoint(address)).digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("schema", ["enforce", "ignore", "refuse"])
def test_structured_replies_are_checked_whatever_the_server_promises(schema: Any) -> None:
    import jsonschema

    server = Server(PlainMind(), schema=schema)
    with serving(server) as address:
        remote = open_endpoint(endpoint(address, protocol="chat"))
        (value,) = remote.structured(["Ask."], SHAPE, max_tokens=2)
    expected = {"enforce": "enforced", "ignore": "ignored", "refuse": "refused"}
    assert remote.abilities.schema == expected[schema]
    if schema == "enforce":
        jsonschema.validate(value, SHAPE.schema())
        return
    assert value is None
    assert remote.ledger.spent.invalid == 3
    *_, last = server.tally.bodies
    assert [turn["role"] for turn in last["messages"]] == ["system", "user", "assistant", "user"]
    assert "not valid" in last["messages"][-1]["content"]
    assert ("response_format" in last) == (schema == "ignore")


@pytest.mark.parametrize(
    "reply",
    [
        '{"questions": ["a"], "admin": true}',
        '{"questions": "a"}',
        '{"questions": ["a"], "questions": ["b"]}',
        '{"questions": ["a", "b", "c", "d"]}',
        '{"questions": [1]}',
        '{"questions": [NaN]}',
        '[{"questions": []}]',
        '{"questions": ["' + "x" * 201 + '"]}',
        'Sure! {"questions": []}',
        "[" * 5000,
        "",
        "null",
    ],
)
def test_a_reply_of_another_shape_is_no_reply(reply: str) -> None:
    with pytest.raises(ShapeError) as caught:
        parse(reply, SHAPE)
    assert "admin" not in str(caught.value)


def test_shapes_agree_with_the_json_schema_they_write() -> None:
    import jsonschema

    shape = Record({"n": WholeNumber(), "c": Choice(("yes", "no")), "l": Listed(Text())})
    values = [
        {"n": 1, "c": "yes", "l": []},
        {"n": 1, "c": "yes", "l": ["x", 3]},
        {"n": True, "c": "yes", "l": []},
        {"n": 1.5, "c": "no", "l": []},
        {"n": 1, "c": "maybe", "l": []},
        {"n": 1, "c": "no"},
        {"n": 1, "c": "no", "l": [], "m": 0},
        [],
        None,
    ]
    validator = jsonschema.Draft202012Validator(shape.schema())
    assert [shape.fault(value) is None for value in values] == [validator.is_valid(value) for value in values]
    assert parse('```json\n{"n": 1, "c": "no", "l": []}\n```', shape) == {"n": 1, "c": "no", "l": []}


def test_shares_of_listed_tokens_follow_arithmetic_by_hand() -> None:
    top = [(" Yes", math.log(0.5)), ("No", math.log(0.2)), ("yes", math.log(0.1)), ("The", math.log(0.1))]
    assert shares(top, ("Yes", "No")) == pytest.approx([0.6 / 0.8, 0.2 / 0.8])
    assert shares([("Yes", math.log(0.9)), ("The", math.log(0.08))], ("Yes", "No")) == pytest.approx(
        [0.9 / 0.92, 0.02 / 0.92]
    )
    assert shares([("un", math.log(0.7)), ("n", math.log(0.3))], ("uncertain", "no", "none")) is not None
    assert shares([("Maybe", -0.1)], ("Yes", "No")) is None


@pytest.mark.parametrize(
    ("reply", "found"),
    [("Yes.", 0), ("no", 1), ("**No**, it is", 1), ("Answer: yes", 0), ("Not at all", None), ("normal", None),
     ("know", None), ("", None), ("I cannot say no", None)],
)  # fmt: skip
def test_a_word_is_an_option_only_as_a_whole_and_at_the_start(reply: str, found: int | None) -> None:
    assert first_option(reply, ("Yes", "No")) == found


def test_tokens_and_cost_are_counted_as_reported_or_estimated(mind: RealMind) -> None:
    for usage in (True, False):
        with serving(Server(mind, usage=usage)) as address:
            remote = open_endpoint(endpoint(address), ledger=Ledger(prices=Prices(2.0, 10.0)))
            before = remote.ledger.spent
            (reply,) = remote.complete(["The heart is"], SHORT)
        spent = remote.ledger.spent
        read, wrote = (
            spent.prompt_tokens - before.prompt_tokens,
            spent.completion_tokens - before.completion_tokens,
        )
        if usage:
            assert (read, wrote) == (mind.count("The heart is"), mind.count(reply[0]))
            assert spent.estimated_tokens == 0
        else:
            assert read >= mind.count("The heart is")
            assert spent.estimated_tokens == spent.tokens
        assert spent.cost - before.cost == pytest.approx((2 * read + 10 * wrote) / 1e6)


def test_a_budget_stops_cleanly_and_a_raised_one_pays_only_for_the_rest(
    mind: RealMind, tmp_path: Path
) -> None:
    prompts = NUMBERS[:12]
    log = CallLog(tmp_path / "calls.sqlite")
    server = Server(mind)

    def model(calls: int) -> LoggedModel:
        ledger = Ledger(budget=Budget(calls=calls), already=log.spent("run"), record=log.recorder("run"))
        return LoggedModel(open_endpoint(endpoint(address, concurrency=4), ledger=ledger), log)

    with serving(server) as address:
        with pytest.raises(
            BudgetSpentError, match=r"^The budget of 9 calls [^\n]*9 calls[^\n]*raise it[^\n]*\.$"
        ):
            model(9).complete(prompts, ONE)
        assert sum(server.tally.delivered[each] for each in prompts) == 9 - 2  # two probes
        replies = model(30).complete(prompts, ONE)
    assert len(replies) == 12
    assert [server.tally.delivered[each] for each in prompts] == [1] * 12
    assert log.spent("run").calls == server.tally.requests == 12 + 2 + 2


def test_a_budget_of_tokens_is_never_exceeded_from_many_threads() -> None:
    from knowledge.language.endpoint.ledger import Request

    ledger = Ledger(budget=Budget(tokens=1000))

    def spend(_: int) -> bool:
        try:
            reserved = ledger.reserve(60, 40)
        except BudgetSpentError:
            return False
        time.sleep(0.001)
        ledger.settle(reserved, Request("", "answered", 1, 0.0, prompt_tokens=30, completion_tokens=20))
        return True

    with ThreadPoolExecutor(8) as pool:
        paid = sum(pool.map(spend, range(60)))
    assert paid == 19  # the twentieth might take 100 of the 50 that are left
    assert ledger.spent.tokens == 950


def test_waits_double_with_jitter_and_keep_to_what_the_server_asks() -> None:
    drawn = [[wait_after(n, None, random.Random(seed)) for seed in range(200)] for n in (1, 2, 3, 12)]
    for full, waits in zip((0.5, 1, 2, 30), drawn, strict=True):
        assert full / 2 <= min(waits) < full * 0.55
        assert full * 0.95 < max(waits) <= full
    assert 7 <= wait_after(1, 7.0, random.Random(0)) <= 8
    now = 1_000_000_000.0
    assert retry_after("3", now=now) == 3
    assert retry_after("Sun, 09 Sep 2001 01:46:50 GMT", now=now) == 10
    assert [retry_after(each, now=now) for each in (None, "soon", "nan")] == [None] * 3
    assert retry_after("999999", now=now) == 120


def test_patience_asked_of_one_thread_holds_for_all() -> None:
    clock, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    pause = Pause(clock=lambda: clock[0], sleep=sleep)
    pause.wait()
    pause.ask_for(5)
    pause.ask_for(2)
    pause.wait()
    pause.wait()
    assert slept == [5]


def test_no_more_calls_than_allowed_are_under_way() -> None:
    server = Server(PlainMind(), delay=0.05)
    with serving(server) as address:
        open_endpoint(endpoint(address, concurrency=3)).complete(NUMBERS[:12], ONE)
    assert server.tally.busiest == 3


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = CallLog(tmp_path / "calls.sqlite")
    secret = "sk-very-secret"
    caplog.set_level(logging.DEBUG)
    with serving(Server(PlainMind(), key=secret)) as address:
        where = endpoint(address, key_variable="MODEL_KEY")
        with pytest.raises(KnowledgeError, match="MODEL_KEY is not set"):
            open_endpoint(where, environment={})
        for strange in ("sk-é", "sk-1\nsk-2"):
            with pytest.raises(KnowledgeError, match=r"^[^\n]*MODEL_KEY holds characters[^\n]*$") as caught:
                open_endpoint(where, environment={"MODEL_KEY": strange})
            assert "sk-" not in str(caught.value)
        with pytest.raises(
            KnowledgeError, match=r"refuses the key \(HTTP 401, invalid_api_key\); check .* MODEL_KEY"
        ):
            open_endpoint(where, environment={"MODEL_KEY": "sk-wrong"})
        ledger = Ledger(record=log.recorder("run"))
        remote = LoggedModel(open_endpoint(where, ledger=ledger, environment={"MODEL_KEY": secret}), log)
        remote.complete(["a secret report"], Sampling(max_tokens=1))
    log.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert b"secret report" not in stored
    assert secret not in caplog.text + repr(remote.model.__dict__)
    assert "secret report" not in caplog.text


def test_errors_of_the_server_show_neither_prompt_nor_body() -> None:
    with (
        serving(Server(PlainMind(), down=2)) as address,
        pytest.raises(KnowledgeError, match=r"^[^\n]*HTTP 503[^\n]*start again[^\n]*\.$") as caught,
    ):
        open_endpoint(endpoint(address, attempts=2)).complete(["a report"], SHORT)
    assert "SECRET" not in str(caught.value)
    assert "a report" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "remote"),
    [("http://127.0.0.1:1/v1", False), ("http://localhost/v1", False), ("http://[::1]:8000/v1", False),
     ("http://127.8.0.1/v1", False), ("https://api.example.org/v1", True), ("http://10.0.0.1/v1", True),
     ("http://localhost.example.org/v1", True), ("http://0.0.0.0/v1", True)],
)  # fmt: skip
def test_only_loopback_is_local(address: str, remote: bool) -> None:
    assert Endpoint(address, "m", allow_plain_http=True).remote is remote


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1/v1", "http://0.0.0.0/v1", "http://models.example.org/v1"]
)
def test_plain_http_to_another_machine_needs_leave(address: str) -> None:
    with pytest.raises(
        KnowledgeError, match=r"^[^\n]*plain http; write https[^\n]*allow_plain_http[^\n]*\.$"
    ):
        Endpoint(address, "m")
    assert Endpoint(address.replace("http:", "https:"), "m").remote


@pytest.mark.parametrize(
    "address", ["api.example.org", "ftp://x/v1", "https://me:pw@x/v1", "https://x/v1?key=1", "http://h:abc/v1",
     "http://h:99999/v1", "http://[::1/v1", "https://a b/v1", "https://x\n/v1"],
)  # fmt: skip
def test_an_address_that_cannot_be_or_holds_a_secret_is_refused(address: str) -> None:
    with pytest.raises(KnowledgeError, match="base_url") as caught:
        Endpoint(address, "m")
    assert "pw" not in str(caught.value)


def test_a_redirect_is_not_followed(url: str) -> None:
    import uvicorn
    from fastapi import FastAPI
    from fastapi.responses import RedirectResponse

    app = FastAPI()

    @app.api_route("/v1/{rest:path}", methods=["GET", "POST"])
    def elsewhere(rest: str) -> RedirectResponse:
        return RedirectResponse(f"{url}/{rest}", status_code=307)

    runner = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    while not runner.started:
        time.sleep(0.01)
    port = runner.servers[0].sockets[0].getsockname()[1]
    with pytest.raises(KnowledgeError, match="HTTP 307"):
        open_endpoint(endpoint(f"http://127.0.0.1:{port}/v1", attempts=2))
    runner.should_exit = True
    thread.join()


def test_every_request_is_recorded_and_replies_can_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    log = CallLog(path)
    with serving(Server(PlainMind())) as address:
        remote = open_endpoint(endpoint(address, protocol="chat"), ledger=Ledger(record=log.recorder("run")))
        logged = LoggedModel(remote, log)
        values = logged.structured(["Ask about the heart."], SHAPE, max_tokens=20)
        texts = logged.complete(["The heart"], Sampling(max_tokens=1))
    replay = ReplayModel(path)
    assert replay.structured(["Ask about the heart."], SHAPE, max_tokens=20) == values
    assert replay.complete(["The heart"], Sampling(max_tokens=1)) == texts
    assert log.spent("run") == remote.ledger.spent
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "select outcome, attempt, seconds > 0, prompt_tokens > 0, served from requests where key in "
            "(select key from replies)"
        ).fetchall()
    database.close()
    assert rows == [("answered", 1, 1, 1, "small fp")] * 2
    assert json.dumps(values)
