"""How far the stages of a run are."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.status import open_finished


@dataclass(frozen=True, slots=True)
class StageState:
    """One stage; `state` is `fresh`, `stale` or `missing`, `seconds` what it took when it last ran."""

    name: str
    state: str
    seconds: float | None


def stage_states(directory: Path) -> list[StageState]:
    """Every stage of a run, in order."""
    from pipelines.stages import STAGES  # noqa: PLC0415  # imports torch

    run = open_finished(directory)
    records = run.records()
    states = []
    for stage in STAGES:
        record = records.get(stage.name)
        state = "missing" if record is None else "fresh" if run.is_fresh(stage) else "stale"
        states.append(StageState(stage.name, state, None if record is None else record.seconds))
    return states
