"""Where `knobo api` cannot listen, and where nothing is."""

import socket
from pathlib import Path

import httpx
import pytest
from api_example import Serving, make_run

from pipelines.api.serve import require_free, serve
from pipelines.api.settings import Keys
from pipelines.errors import PipelineError


def test_a_port_that_is_taken_is_one_sentence_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PipelineError, match=f"port {port} of 127.0.0.1 .*another `--port`") as found:
            serve(tmp_path / "no run", host="127.0.0.1", port=port, keys=Keys())
    assert "\n" not in str(found.value)
    require_free("127.0.0.1", port)


def test_a_name_that_is_no_address_is_one_sentence() -> None:
    with pytest.raises(PipelineError, match="give another `--port` or `--host`"):
        require_free("no.such.host.invalid", 0)


def test_where_nothing_is_the_answer_says_what_there_is(tmp_path: Path) -> None:
    with Serving(make_run(tmp_path / "small")) as serving:
        answer = httpx.get(f"{serving.url}/v1/nothing")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is nothing at this address; see /openapi.json",
    )
