import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from asking_run import AskingProject, WatchedServer
from loopback_server import serving
from postgres_server import NoPostgresError, Postgres, postgres
from prefect_service import ENDED, PrefectService

from pipelines.history.store import history_folder, read_entries
from pipelines.launch import launch
from pipelines.stages import STAGES

KILLS = int(os.environ.get("KNOBO_SOAK_KILLS", "30"))
KILLS_A_RUN = 5
SEED = int(os.environ.get("KNOBO_SOAK_SEED", "0"))
PARTS = ("worker", "server", "database", "flow")
CONCURRENCY = 4
"""Calls under way at once, by the configuration: so many at most can be lost with a process."""
RUN_S = 900.0
"""Longest that one run may take with all its kills, on a busy machine."""
SIDE_BY_SIDE = int(os.environ.get("KNOBO_SOAK_BESIDE", "10"))
STARTING_S = 90.0
"""In which a submitted run gets a process."""


@dataclass(frozen=True)
class Kill:
    """One of them: of what, between which times, and after how many finished stages."""

    part: str
    since: float
    until: float
    stages: int


@dataclass
class Service:
    """All processes of the service, the model that its runs ask, and what each killed run asked of it."""

    project: AskingProject
    asked: WatchedServer
    model: str
    database: Postgres
    prefect: PrefectService
    deployment: str
    kills: list[Kill] = field(default_factory=list)
    asked_by_run: list[slice] = field(default_factory=list)

    def kill(self, part: str, stages: int) -> bool:
        """SIGKILL to a part, and its restart as a supervisor does it; whether there was one to kill."""
        since, hit = time.time(), True
        if part == "worker":
            self.prefect.kill_worker()
            self.prefect.start_worker()
        elif part == "server":
            self.prefect.kill_server()
            self.prefect.start_server()
        elif part == "database":
            self.database.kill()
            self.database.start()
        else:
            since, hit = self.kill_flow()
        if hit:
            self.kills.append(Kill(part, since, time.time(), stages))
        return hit

    def kill_flow(self) -> tuple[float, bool]:
        """SIGKILL to the flow as soon as there is one; not before when, and whether there was one."""
        deadline = time.monotonic() + STARTING_S
        while time.monotonic() < deadline:
            since = time.time()
            if self.prefect.kill_flows():
                return since, True
            time.sleep(0.1)
        return time.time(), False

    def times(self, part: str) -> list[tuple[float, float]]:
        """Between which times a part was killed."""
        return [(kill.since, kill.until) for kill in self.kills if kill.part == part]


@dataclass
class Attended:
    """A run that is submitted again whenever nothing works on it any more."""

    service: Service
    line: str
    name: str = "asking"
    flow_runs: list[str] = field(default_factory=list)
    seen: float = 0.0

    def submit(self) -> None:
        """A new flow run on the same directory."""
        service, project = self.service, self.service.project
        config = project.configure(self.line, url=service.model, name=self.name)
        where = {"runs": project.runs(self.line), "cache": project.cache(self.line)}
        self.flow_runs.append(service.prefect.submit(service.deployment, config=config, **where))
        self.seen = time.monotonic()

    def completed(self) -> bool:
        """Whether it is; it is submitted again where it ended otherwise or was lost."""
        prefect = self.service.prefect
        state = prefect.state(self.flow_runs[-1])
        if state == "COMPLETED":
            return True
        if prefect.flow_processes():
            self.seen = time.monotonic()
            return False
        lost = time.monotonic() - self.seen > STARTING_S
        if (lost or state in ENDED or state == "RUNNING") and state == prefect.state(self.flow_runs[-1]):
            self.submit()  # running, and no process has it: killed
        return False

    def await_stages(self, number: int, *, deadline: float) -> bool:
        """Waits for so many finished stages; false where the run completed before."""
        while len(self.service.project.finished_stages(self.line, self.name)) < number:
            assert time.monotonic() < deadline, self.service.prefect.log("worker")[-3000:]
            if self.completed():
                return False
            time.sleep(0.2)
        return True


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> AskingProject:
    return AskingProject(tmp_path_factory.mktemp("asking"), (own_cache / "weights").resolve())


@pytest.fixture(scope="module")
def undisturbed(project: AskingProject) -> bytes:
    """The audit of a run without Prefect and without kills."""
    with pytest.MonkeyPatch.context() as patch, serving(WatchedServer()) as url:
        patch.setenv("KNOBO_CACHE", str(project.cache("whole")))
        launch(project.configure("whole", url=url), project.runs("whole"), quiet=True, serial=True)
    return project.audit("whole")


@pytest.fixture(scope="module")
def service(project: AskingProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    try:
        with postgres() as database, serving(asked := WatchedServer(delay=0.01)) as model:
            environment = {"KNOBO_CACHE": str(project.cache("service")), "OMP_NUM_THREADS": "1"}
            prefect = PrefectService(tmp_path_factory.mktemp("prefect"), database.url, environment)
            try:
                prefect.start_server()
                prefect.start_worker()
                deployment = prefect.deploy()
                yield Service(project, asked, model, database, prefect, deployment)
            finally:
                prefect.stop()
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("number", range(-(-KILLS // KILLS_A_RUN)))
def test_a_run_whose_service_is_killed_again_and_again_ends_with_the_same_audit(
    undisturbed: bytes, service: Service, number: int
) -> None:
    chance = random.Random(f"{SEED} {number}")
    waiting = [*PARTS, *chance.choices(PARTS, k=KILLS_A_RUN - len(PARTS))]
    chance.shuffle(waiting)
    seconds = stage_seconds(service.project)
    draw = moment_in_time if number % 2 else moment_in_stages
    for another in count():  # a run may end before all of its moments have come
        run = Attended(service, f"killed-{number}-{another}")
        moments = sorted(draw(chance, seconds) for _ in waiting)
        waiting = killed(run, list(zip(moments, waiting, strict=True)), seconds)
        assert service.project.audit(run.line) == undisturbed
        assert service.project.half_written(run.line) == []
        if not waiting:
            break


def killed(run: Attended, moments: list[tuple[tuple[int, float], str]], seconds: list[float]) -> list[str]:
    """Runs it to its end, killing parts of its service on the way; those that it left no time to kill."""
    service, first = run.service, len(run.service.asked.asked)
    deadline, left = time.monotonic() + RUN_S, [part for _, part in moments]
    run.submit()
    for (finished, share), part in moments:
        if not run.await_stages(finished, deadline=deadline):
            break
        time.sleep(share * seconds[finished])
        if service.kill(part, finished):
            left.remove(part)
    while not run.completed():
        assert time.monotonic() < deadline, service.prefect.log("worker")[-3000:]
        time.sleep(0.2)
    service.asked_by_run.append(slice(first, len(service.asked.asked)))
    return left


def test_no_call_is_repeated_but_those_under_way_when_their_process_was_killed(
    service: Service, record_property: Callable[[str, object], None]
) -> None:
    flows, runs = service.times("flow"), service.asked_by_run  # each with a cache of its own
    assert len(service.kills) >= KILLS
    assert {kill.part for kill in service.kills} == set(PARTS)
    assert sum(len(service.asked.asked[each]) for each in runs) > 100 * len(runs)
    for run in runs:
        assert service.asked.repeated(flows, among=run) == [], service.kills
    twice = sum(times - 1 for each in runs for times in service.asked.times_asked(each).values())
    assert twice <= CONCURRENCY * len(flows)
    record_property("kills", len(service.kills))
    record_property("calls", len(service.asked.asked))
    record_property("calls under way at a kill, made again", twice)


def test_histories_outlive_the_servers(service: Service) -> None:
    before = runs_and_artifacts(service)
    told = read_entries(history_folder(service.project.runs("killed-0-0")) / "asking")
    service.prefect.kill_server()
    service.database.stop()
    service.database.start()
    service.prefect.start_server()
    assert runs_and_artifacts(service) == before
    assert {state for _, state in before[0]} >= {"COMPLETED"}
    assert len(before[1]) >= 2
    assert len(told) == 1


def test_runs_side_by_side_complete_without_a_lock_error(service: Service, undisturbed: bytes) -> None:
    calls = len(service.asked.asked)
    runs = [Attended(service, "beside", f"beside-{number}") for number in range(SIDE_BY_SIDE)]
    for run in runs:
        run.submit()
    deadline = time.monotonic() + RUN_S
    waiting = list(runs)
    while waiting:
        assert time.monotonic() < deadline
        waiting = [run for run in waiting if service.prefect.state(run.flow_runs[0]) not in ENDED]
        time.sleep(0.5)
    assert [service.prefect.state(run.flow_runs[0]) for run in runs] == ["COMPLETED"] * SIDE_BY_SIDE
    assert {service.project.audit("beside", run.name) for run in runs} == {undisturbed}
    asked = [each.digest for each in service.asked.asked[calls:] if not each.probe]
    assert len(asked) == len(set(asked)), "they share one log of calls"
    said = service.prefect.log("server") + service.prefect.log("worker")
    assert "locked" not in said
    assert "deadlock" not in service.database.log()


def stage_seconds(project: AskingProject) -> list[float]:
    """What each stage took in the undisturbed run."""
    stages = json.loads((project.run("whole") / "manifest.json").read_text(encoding="utf-8"))["stages"]
    return [float(stages[stage.name]["seconds"]) for stage in STAGES]


def moment_in_stages(chance: random.Random, seconds: Sequence[float]) -> tuple[int, float]:
    """After so many stages and a share of the next; each stage alike, however short it is."""
    return chance.randrange(len(seconds)), chance.random()


def moment_in_time(chance: random.Random, seconds: Sequence[float]) -> tuple[int, float]:
    """The same, each second alike: mostly while the language model is asked."""
    (finished,) = chance.choices(range(len(seconds)), weights=seconds)
    return finished, chance.random()


def runs_and_artifacts(service: Service) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """What Prefect remembers: flow runs with their states, artifacts with their data."""
    ended = {"state": {"type": {"any_": sorted(ENDED)}}}
    runs = service.prefect.post("/flow_runs/filter", {"limit": 200, "flow_runs": ended})
    artifacts = service.prefect.post("/artifacts/filter", {"limit": 200})
    return (
        sorted((each["id"], each["state_type"]) for each in runs),
        sorted((each["id"], each["key"], str(each["data"])) for each in artifacts),
    )
