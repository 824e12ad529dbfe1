"""The HTTP API on a small run that is made from files, over real connections on loopback."""

import asyncio
import io
import logging
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from api_example import LIMITS, PASSAGE, Serving, make_run, png
from api_wire import read_head
from PIL import Image

from knowledge.loopback import is_loopback
from models.encoders.raw_pixels import RawPixels
from pipelines.api.batching import Batcher
from pipelines.api.served import ServedRun
from pipelines.api.settings import Keys
from pipelines.api.uploads import Uploads
from pipelines.errors import PipelineError

KEY = "a-key-of-more-than-twenty-letters"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def serving(directory: Path) -> Iterator[Serving]:
    with Serving(directory) as server:
        yield server


def predict(serving: Serving, data: bytes, **headers: str) -> httpx.Response:
    return httpx.post(f"{serving.url}/v1/predict", content=data, headers=headers)


def test_a_prediction_is_the_sum_that_the_parts_compute(serving: Serving) -> None:
    found = predict(serving, png()).json()
    pixels = RawPixels().prepare(Image.open(io.BytesIO(png())))
    scores = serving.run.grounder.probabilities(RawPixels().encode(pixels[None]))[0]
    head = serving.run.splits["one"].head
    assert found["scores"] == pytest.approx(dict(zip(head.concept_ids, scores, strict=True)))
    expected = dict(zip(head.classes, head.predict(scores[None])[0], strict=True))
    assert found["probabilities"] == pytest.approx(expected)
    logit = sum(each["amount"] for each in found["concepts"])
    assert np.exp(2 * logit) / (1 + np.exp(2 * logit)) == pytest.approx(
        found["probabilities"][found["predicted"]]
    )
    heart = next(each for each in found["concepts"] if "heart" in each["id"])
    assert (heart["quote"], heart["locator"]) == ("The heart is enlarged in failure.", "heart.md, Size")


def test_images_that_come_together_get_their_own_answers(serving: Serving) -> None:
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda seed: predict(serving, png(seed)).json()["scores"], range(24)))
    for seed, answer in enumerate(answers):
        assert answer == pytest.approx(predict(serving, png(seed)).json()["scores"], rel=1e-6)


def test_setting_a_concept_moves_the_prediction_as_the_head_says(serving: Serving) -> None:
    found = predict(serving, png()).json()
    heart, fluid = serving.run.concept_ids
    asked = {"scores": found["scores"], "set": {heart: True, fluid: 0.25}}
    moved = httpx.post(f"{serving.url}/v1/intervene", json=asked).json()
    split = serving.run.splits["one"]
    expected = split.head.predict(np.array([[split.levels.yes[0], 0.25]]))[0]
    assert moved["before"] == pytest.approx(found["probabilities"])
    assert moved["after"] == pytest.approx(dict(zip(split.head.classes, expected, strict=True)))


@pytest.mark.parametrize("side", [0, 1])
def test_a_class_that_an_intervention_makes_win_is_the_one_that_is_explained(
    serving: Serving, side: int
) -> None:
    heart, fluid = serving.run.concept_ids
    asked = {"scores": {heart: 1 - side, fluid: side}, "set": {heart: side, fluid: 1 - side}}
    moved = httpx.post(f"{serving.url}/v1/intervene", json=asked).json()
    head = serving.run.splits["one"].head
    assert (max(moved["before"], key=moved["before"].get), moved["predicted"]) == (
        head.classes[1 - side],
        head.classes[side],
    )
    weight = dict(zip(head.concept_ids, head.weight[side].tolist(), strict=True))
    usual = dict(zip(head.concept_ids, head.scaling.center.tolist(), strict=True))
    for each in moved["concepts"]:
        score = asked["set"][each["id"]]
        assert (each["score"], each["weight"]) == (score, weight[each["id"]])
        assert each["amount"] == pytest.approx((score - usual[each["id"]]) * weight[each["id"]], rel=1e-5)


def test_the_amounts_add_up_to_the_logit_whose_softmax_is_the_probability(serving: Serving) -> None:
    found = predict(serving, png()).json()
    scores = found["scores"]
    after = httpx.post(f"{serving.url}/v1/intervene", json={"scores": scores, "set": scores}).json()
    for answer, probabilities in ((found, found["probabilities"]), (after, after["after"])):
        logits = answer["logits"]
        assert sum(each["amount"] for each in answer["concepts"]) == pytest.approx(
            logits[answer["predicted"]], rel=1e-5
        )
        total = sum(np.exp(value) for value in logits.values())
        assert probabilities == pytest.approx({name: np.exp(each) / total for name, each in logits.items()})


def test_concepts_are_listed_with_evidence_and_weights(serving: Serving) -> None:
    heart, fluid = httpx.get(f"{serving.url}/v1/concepts").json()
    assert heart["weights"] == {"one": {"normal": -1, "sick": 1}}
    assert heart["quote"] == PASSAGE.text
    assert fluid["locator"] == "no quoted source"


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 30,000 x 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (30_000).to_bytes(4, "big")
    header = chunk(b"IHDR", side + side + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "status", "detail"),
    [
        (b"", 422, "is not a PNG, JPEG, TIFF or DICOM image"),
        (b"GIF89a" + bytes(100), 422, "is not a PNG, JPEG, TIFF or DICOM image"),
        (png()[:200], 422, "is damaged or cut short"),
        (bomb(), 422, "has far more pixels than the limit of 1,000,000"),
        (bytes(200_001), 413, "more than 200,000 bytes"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    serving: Serving, data: bytes, status: int, detail: str
) -> None:
    answer = predict(serving, data)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]
    assert answer.json()["request"] == answer.headers["x-request-id"]
    assert predict(serving, png()).status_code == 200  # served on


def test_a_length_that_is_not_announced_is_counted(serving: Serving) -> None:
    chunks = (bytes(50_000) for _ in range(10))
    answer = httpx.post(f"{serving.url}/v1/predict", content=chunks)
    assert answer.status_code == 413


def test_a_slow_client_is_told_and_others_are_served(serving: Serving) -> None:
    host, port = serving.socket.getsockname()
    with socket.create_connection((host, port)) as slow:
        slow.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
        assert predict(serving, png()).status_code == 200
        slow.settimeout(5)
        assert read_head(slow).startswith(b"HTTP/1.1 408 ")


def test_slow_uploads_hold_no_more_places_than_there_are(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = replace(LIMITS, waiting=2, seconds_to_send=60)
    start = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nabc"
    with Serving(directory, limits=limits) as serving, ExitStack() as slow:
        for _ in range(2):
            slow.enter_context(socket.create_connection(serving.socket.getsockname())).sendall(start)
        wait_for(lambda: "knobo_waiting_images 2.0" in httpx.get(f"{serving.url}/metrics").text)
        refused = predict(serving, png())
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        slow.close()
        wait_for(lambda: predict(serving, png()).status_code == 200)
    assert "Traceback" not in caplog.text  # who leaves is no bug


def test_all_uploads_together_hold_no_more_bytes_than_allowed(directory: Path) -> None:
    limits = replace(LIMITS, uploads_bytes=250_000, seconds_to_send=60)
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"
    with Serving(directory, limits=limits) as serving, ExitStack() as slow:
        address = serving.socket.getsockname()
        first = slow.enter_context(socket.create_connection(address, timeout=10))
        first.sendall(head + bytes(150_000))
        wait_for(lambda: "knobo_held_bytes 150000.0" in httpx.get(f"{serving.url}/metrics").text)
        second = slow.enter_context(socket.create_connection(address, timeout=10))
        second.sendall(head + bytes(150_000))  # it announces no more than is allowed, as the first did
        refused = read_head(second).lower()
        assert refused.startswith(b"http/1.1 503 ")
        assert b"retry-after: 1\r\n" in refused
        assert predict(serving, png()).status_code == 200  # what still fits is taken
        first.sendall(bytes(50_000))
        assert read_head(first).startswith(b"HTTP/1.1 422 ")  # zeros are no image
        wait_for(lambda: "knobo_held_bytes 0.0" in httpx.get(f"{serving.url}/metrics").text)


def test_an_upload_is_put_together_without_a_second_copy() -> None:
    uploads, size = Uploads(100_000_000, lambda _: None), 40_000_000

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(size // 50_000):
            yield bytes(50_000)

    async def held() -> tuple[int, int]:
        async with uploads.received(parts()) as data:
            return len(data), uploads.held

    tracemalloc.start()
    try:
        assert asyncio.run(held()) == (size, size)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * size
    assert uploads.held == 0


def test_a_bug_is_answered_with_the_number_that_its_log_has(
    directory: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Serving(directory) as serving:
        monkeypatch.setattr(ServedRun, "answer", lambda *_: {}["what is not there"])
        answer = predict(serving, png())
        monkeypatch.undo()
        fine = predict(serving, png())
    assert answer.status_code == 500
    assert answer.headers.get_list("x-request-id") == [answer.json()["request"]]
    assert f"request {answer.json()['request']} failed" in caplog.text
    assert fine.headers.get_list("x-request-id") == [fine.json()["request"]]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ({"scores": {"x": 2}, "set": {"x": True}}, "less than or equal to 1"),
        ({"scores": {}, "set": {}}, "at least 1 item"),
        ({"scores": {}, "set": {"x": True}, "more": 1}, "Extra inputs"),
        ([], "valid dictionary"),
    ],
)
def test_an_intervention_that_does_not_fit_is_refused(serving: Serving, asked: Any, detail: str) -> None:
    answer = httpx.post(f"{serving.url}/v1/intervene", json=asked)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize("value", ["yes", "true", "0.5", 2, -0.1, None, [], {}])
def test_a_concept_is_set_to_an_answer_or_a_number_and_nothing_that_looks_like_it(
    serving: Serving, value: Any
) -> None:
    scores = dict.fromkeys(serving.run.concept_ids, 0.5)
    heart, _ = serving.run.concept_ids
    answer = httpx.post(f"{serving.url}/v1/intervene", json={"scores": scores, "set": {heart: value}})
    assert answer.status_code == 422
    assert f"{heart}: give true, false, or a number from 0 to 1; see" in answer.json()["detail"]


@pytest.mark.parametrize("value", [True, "0.5"])
def test_a_score_is_a_number(serving: Serving, value: Any) -> None:
    heart, fluid = serving.run.concept_ids
    asked = {"scores": {heart: value, fluid: 0.5}, "set": {heart: 1}}
    assert httpx.post(f"{serving.url}/v1/intervene", json=asked).status_code == 422


def test_an_unknown_concept_or_split_is_named(serving: Serving) -> None:
    scores = predict(serving, png()).json()["scores"]
    asked = {"scores": scores, "set": {"x": True}}
    answer = httpx.post(f"{serving.url}/v1/intervene", json=asked)
    assert answer.status_code == 404
    assert "has no concept 'x'" in answer.json()["detail"]
    wrong = httpx.post(f"{serving.url}/v1/predict", params={"split": "two"}, content=png())
    assert wrong.status_code == 404
    assert wrong.json()["detail"] == "the run has no split 'two'; it has one"
    stale = httpx.post(f"{serving.url}/v1/intervene", json={"scores": {}, "set": {next(iter(scores)): True}})
    assert stale.status_code == 409
    assert "of 2 concepts 2 are missing, 0 are none of this run" in stale.json()["detail"]


def test_only_known_keys_are_let_in_but_anybody_may_ask_for_health(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# ours\n\n{KEY}\n")
    with Serving(directory, Keys.read(tmp_path / "keys")) as guarded:
        assert predict(guarded, png()).status_code == 401
        assert predict(guarded, png(), authorization="Bearer wrong").status_code == 401
        assert predict(guarded, png(), authorization=f"Bearer {KEY}").status_code == 200
        assert predict(guarded, png(), **{"x-api-key": KEY}).status_code == 200
        assert predict(guarded, png(), **{"x-api-key": KEY, "host": "knobo.example"}).status_code == 200
        assert httpx.get(f"{guarded.url}/metrics").status_code == 401
        assert httpx.get(f"{guarded.url}/healthz").json() == {"status": "alive"}
        assert httpx.get(f"{guarded.url}/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "short\n"])
def test_keys_that_anybody_could_guess_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(PipelineError, match="must hold a key of at least 20 letters"):
        Keys.read(tmp_path / "keys")


def test_addresses_beyond_this_machine_are_known() -> None:
    assert [
        is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1", "name")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:8080"}, 200),
        ({"host": "127.0.0.1", "origin": "http://127.0.0.1"}, 200),
        ({"host": "[::1]:80", "origin": "http://[::1]:80"}, 200),
        ({"host": "rebound.example"}, 403),
        ({"host": "127.0.0.1.example:8080"}, 403),
        ({"host": "[::1"}, 403),
        ({"host": ""}, 403),
        ({"host": "localhost:8080", "origin": "http://elsewhere.example"}, 403),
        ({"host": "localhost:8080", "origin": "http://localhost:3000"}, 403),
        ({"host": "localhost:8080", "origin": "null"}, 403),
    ],
)
def test_without_keys_no_page_from_elsewhere_is_answered(
    serving: Serving, headers: dict[str, str], status: int
) -> None:
    answer = predict(serving, png(), **headers)
    assert answer.status_code == status
    assert status == 200 or "only pages and programs of this machine" in answer.json()["detail"]


def test_the_log_and_the_metrics_hold_no_path_and_nothing_that_was_sent(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "knobo.api")
    logging.getLogger("knobo").propagate = True
    httpx.get(f"{serving.url}/v1/patients/jane-doe")
    predict(serving, b"jane-doe")
    collected = httpx.get(f"{serving.url}/metrics").text  # once it is here, both lines above are written
    lines = [vars(record)["fields"] for record in caplog.records if record.message == "request"]
    assert {line["route"] for line in lines} - {"/metrics"} == {"unknown", "/v1/predict"}
    assert 'knobo_requests_total{method="POST",route="/v1/predict",status="422"}' in collected
    assert "jane" not in caplog.text + collected


def test_the_description_lists_every_route(serving: Serving) -> None:
    described = httpx.get(f"{serving.url}/openapi.json").json()
    assert set(described["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/maps",
        "/v1/predict",
        "/v1/intervene",
        "/v1/concepts",
        "/v1/search",
        "/v1/audits",
        "/v1/audits/{audit}",
        "/v1/audits/{audit}/report",
    }


def test_a_batch_is_whatever_waits_and_a_failure_is_that_of_its_images_alone() -> None:
    sizes: list[int] = []
    release = threading.Event()

    def encode(pixels: Any) -> Any:
        release.wait()
        if any(image[0] == 13 for image in pixels):
            raise ValueError("thirteen")
        return np.array([[float(image[0])] for image in pixels], np.float32)

    async def ask() -> list[Any]:
        batcher = Batcher(encode, most=3, observe=sizes.append)
        work = asyncio.create_task(batcher.run())
        asked = [asyncio.create_task(batcher.score(np.array([n], np.uint8))) for n in (1, 2, 3, 13, 5, 6, 7)]
        await asyncio.sleep(0.05)
        asked[5].cancel()  # whoever left is not waited for
        release.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        work.cancel()
        batcher.close()
        return answers

    answers = asyncio.run(ask())
    assert [answer.tolist() if isinstance(answer, np.ndarray) else type(answer) for answer in answers] == [
        [1.0],
        [2.0],
        [3.0],
        ValueError,
        ValueError,
        asyncio.CancelledError,
        [7.0],
    ]
    assert sizes == [3, 2, 1]
