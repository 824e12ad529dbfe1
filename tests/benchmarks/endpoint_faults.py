"""A language model endpoint with a fifth of its calls failing: what arrives, what is paid, what is lost.

    python tests/benchmarks/endpoint_faults.py [--json FILE]

A server on loopback serves the default small model over the OpenAI protocol and meets 20 % of the requests
with HTTP 429, HTTP 500, a timeout before or after the reply was written, or garbage (seeded). It counts
the sound replies that it sent in time for each prompt.
"""

import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, report

import models.torchvision_operators  # noqa: F401 # before transformers
from knowledge.errors import KnowledgeError
from knowledge.language import CallLog, LoggedModel, Sampling
from knowledge.language.endpoint import Endpoint, Ledger, open_endpoint
from pipelines.weights import find_weights

sys.path.append(str(Path(__file__).resolve().parents[1] / "knowledge"))  # the server is a helper of the tests
SAMPLING = Sampling(max_tokens=2)
SHARE, SLOW, TIMEOUT = 0.2, 2.0, 1.0
FINDINGS = ("opacity", "effusion", "line", "nodule", "cavity", "edema", "mass", "shadow", "air", "fluid")
PLACES = (
    "apex",
    "base",
    "hilum",
    "left lung",
    "right lung",
    "heart",
    "midline",
    "pleura",
    "rib",
    "diaphragm",
)
PROMPTS = [
    f"{side} {finding} at the {place} is"
    for side in ("A large", "A small", "No")
    for finding in FINDINGS
    for place in PLACES
]


def measure() -> dict[str, Figure]:
    """Faults on 300 prompts with 8 calls at once; then a server that dies half way."""
    from loopback_server import RealMind  # beside the tests

    mind = RealMind(find_weights("smollm2-135m-instruct"))
    expected = [[reply] for reply in mind.learn(PROMPTS, SAMPLING)]
    with tempfile.TemporaryDirectory() as folder:
        return faulty(mind, expected, Path(folder)) | dead(mind, Path(folder))


def faulty(mind: object, expected: list[list[str]], folder: Path) -> dict[str, Figure]:
    """All prompts through the faults, twice."""
    from loopback_server import Server, serving

    server = Server(mind, faults=SHARE, seed=0, slow=SLOW)
    with serving(server) as url, CallLog(folder / "faults.sqlite") as log:
        started = time.perf_counter()
        model = connect(url, log)
        replies = model.complete(PROMPTS, SAMPLING)
        seconds = time.perf_counter() - started
        again = model.complete(PROMPTS, SAMPLING)
        spent = log.spent("run")
    tally = server.tally
    lost = sum(reply != wanted for reply, wanted in zip(replies, expected, strict=True)) + (again != replies)
    twice = sum(tally.delivered[prompt] > 1 for prompt in PROMPTS)
    how = f"{len(PROMPTS)} prompts, SmolLM2 135M behind a server on loopback, 8 calls at once"
    return {
        "endpoint.answers_lost": Figure(lost, "answers", f"missing or wrong; {how}, each asked for twice"),
        "endpoint.paid_twice": Figure(twice, "prompts", f"more than one sound reply sent in time; {how}"),
        "endpoint.fault_share": Figure(
            sum(tally.faults.values()) / tally.requests,
            "share",
            "429, 500, timeouts and garbage, drawn by seed",
        ),
        "endpoint.retries": Figure(spent.retries, "requests", "sent again after a fault"),
        "endpoint.generated_but_lost": Figure(
            tally.faults["after"],
            "replies",
            "written too late for the timeout: billed by a real server, unknown to us",
        ),
        "endpoint.seconds": Figure(seconds, "s", f"with timeouts of {TIMEOUT:g} s and the usual back-off"),
    }


def dead(mind: object, folder: Path) -> dict[str, Figure]:
    """A server that dies at the hundredth request, then one that lives."""
    from loopback_server import Server, serving

    dying, sound = Server(mind, down=100), Server(mind)
    with CallLog(folder / "dead.sqlite") as log:
        message = ""
        with serving(dying) as url:
            try:
                connect(url, log, attempts=3).complete(PROMPTS, SAMPLING)
            except KnowledgeError as error:
                message = str(error)
        assert message.endswith(".")
        assert "\n" not in message
        with serving(sound) as url:
            replies = connect(url, log).complete(PROMPTS, SAMPLING)
    assert len(replies) == len(PROMPTS)
    asked = [dying.tally.delivered[each] + sound.tally.delivered[each] for each in PROMPTS]
    return {
        "endpoint.paid_twice_after_a_death": Figure(
            sum(number > 1 for number in asked),
            "prompts",
            "server gone at its 100th request, run again on another",
        ),
        "endpoint.lost_after_a_death": Figure(
            sum(number < 1 for number in asked), "prompts", "of the same run"
        ),
    }


def connect(url: str, log: CallLog, *, attempts: int = 8) -> LoggedModel:
    """As a run does."""
    endpoint = Endpoint(url, "small", protocol="completions", timeout=TIMEOUT, attempts=attempts)
    return LoggedModel(open_endpoint(endpoint, ledger=Ledger(record=log.recorder("run"))), log)


if __name__ == "__main__":
    report(measure())
