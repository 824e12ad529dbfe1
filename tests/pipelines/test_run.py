import json
from pathlib import Path

import pytest

from pipelines.config import Config, load_config
from pipelines.errors import PipelineError
from pipelines.run import Run, Stage
from pipelines.stages import STAGES, upstream

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
splits = [{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
"""


class Counted:
    """Stage work that copies one artifact to another and counts how often it ran."""

    def __init__(self, source: str | None, target: str) -> None:
        self.source, self.target, self.times = source, target, 0

    def __call__(self, run: Run) -> None:
        self.times += 1
        before = run.path(self.source).read_text() if self.source else ""
        run.path(self.target).write_text(f"{before}{self.target} {run.config.audit.replicates // 1000}\n")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("The lungs are clear.")
    (tmp_path / "images.csv").write_text("image,label\n")
    (tmp_path / "c.toml").write_text(CONFIG)
    return load_config(tmp_path / "c.toml")


@pytest.fixture
def run(tmp_path: Path, config: Config) -> Run:
    (tmp_path / "run").mkdir()
    return Run(tmp_path / "run", config)


def changed(run: Run, **sections: object) -> Run:
    return Run(run.directory, run.config.model_copy(update=sections))


def pair() -> tuple[Stage, Stage, Counted, Counted]:
    first, second = Counted(None, "a.txt"), Counted("a.txt", "b.txt")
    return (
        Stage("first", 1, ("audit",), (), ("a.txt",), first),
        Stage("second", 1, ("seed",), ("a.txt",), ("b.txt",), second),
        first,
        second,
    )


def test_a_fresh_stage_does_not_run_again(run: Run) -> None:
    first, second, work, more = pair()
    assert [run.execute(stage) for stage in (first, second, first, second)] == [True, True, False, False]
    assert (work.times, more.times) == (1, 1)


def test_a_section_that_a_stage_does_not_use_leaves_it_fresh(run: Run) -> None:
    first, second, _, _ = pair()
    run.execute(first)
    run.execute(second)
    other = changed(run, seed=7)
    assert other.is_fresh(first)
    assert not other.is_fresh(second)


def test_a_stage_downstream_stays_fresh_when_its_input_comes_out_the_same(run: Run) -> None:
    first, second, work, more = pair()
    run.execute(first)
    run.execute(second)
    same_text = changed(run, audit=run.config.audit.model_copy(update={"replicates": 1500}))
    assert same_text.execute(first)
    assert not same_text.execute(second)
    assert (work.times, more.times) == (2, 1)


def test_a_changed_input_makes_a_stage_stale(run: Run) -> None:
    first, second, _, _ = pair()
    run.execute(first)
    run.execute(second)
    bigger = changed(run, audit=run.config.audit.model_copy(update={"replicates": 5000}))
    assert bigger.execute(first)
    assert bigger.execute(second)
    assert run.path("b.txt").read_text() == "a.txt 5\nb.txt 5\n"


def test_a_damaged_or_missing_output_makes_a_stage_stale(run: Run) -> None:
    first, _, work, _ = pair()
    run.execute(first)
    run.path("a.txt").write_text("someone edited this")
    assert run.execute(first)
    run.path("a.txt").unlink()
    assert run.execute(first)
    assert work.times == 3


def test_another_version_of_the_code_makes_a_stage_stale(run: Run) -> None:
    first, _, work, _ = pair()
    run.execute(first)
    assert run.execute(Stage("first", 2, first.uses, first.reads, first.writes, work))


def test_literature_counts_by_content_and_not_by_place(run: Run, tmp_path: Path) -> None:
    stage = Stage("gather", 1, ("literature",), (), ("a.txt",), Counted(None, "a.txt"))
    run.execute(stage)
    (tmp_path / "notes").rename(tmp_path / "moved")
    source = run.config.literature[0].model_copy(update={"path": tmp_path / "moved"})
    moved = changed(run, literature=(source,))
    assert moved.is_fresh(stage)
    (tmp_path / "moved" / "a.txt").write_text("The lungs are not clear.")
    assert not moved.is_fresh(stage)


def test_the_manifest_keeps_what_a_stage_rests_on(run: Run) -> None:
    first, _, _, _ = pair()
    run.execute(first)
    kept = json.loads(run.path("manifest.json").read_text())["stages"]["first"]
    assert set(kept) == {"digest", "outputs", "seconds", "versions", "seed", "commit", "inputs"}
    assert kept["versions"]["torch"]
    assert list(kept["outputs"]) == ["a.txt"]
    _, second, _, _ = pair()
    run.execute(second)
    assert run.records()["second"].inputs == kept["outputs"]


def test_a_damaged_manifest_is_told_in_one_sentence(run: Run) -> None:
    run.path("manifest.json").write_text("{")
    with pytest.raises(PipelineError, match="is damaged"):
        run.records()


def test_a_second_process_is_refused(run: Run) -> None:
    with run.locked(), pytest.raises(PipelineError, match="another process"), run.locked():
        pass


def test_stages_stand_in_an_order_in_which_everything_read_has_been_written() -> None:
    written: set[str] = set()
    for stage in STAGES:
        assert set(stage.reads) <= written, stage.name
        written |= set(stage.writes)


def test_text_and_image_branches_do_not_wait_for_each_other() -> None:
    names = {stage.name: {before.name for before in upstream(stage)} for stage in STAGES}
    assert names["encode"] == {"images"}
    assert names["index"] == {"gather"}
