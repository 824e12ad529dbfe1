import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from models.evaluation.audit import REPORTED
from models.evaluation.report import AuditReport, AuditRow
from pipelines.config import Config, load_config
from pipelines.errors import PipelineError
from pipelines.history.changes import Move, changed_ingredients, move_of, moved_numbers
from pipelines.history.compare import compare_runs
from pipelines.history.direction import has_direction
from pipelines.history.entry import HistoryEntry
from pipelines.history.page import render_page
from pipelines.history.store import (
    add_entry,
    history_folder,
    previous_of,
    read_entries,
    read_histories,
    record_audit,
)
from pipelines.history.trend import trends
from pipelines.run import Run

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
splits = [{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
"""


def row(
    value: float, *, method: str = "knobo", domain: str = "shifted", metric: str = "accuracy", group: str = ""
) -> AuditRow:
    return AuditRow(method, "plain", domain, metric, value, value - 0.05, value + 0.05, 100, 5, group)


def finished(directory: Path, *rows: AuditRow, concepts: str = "c1\n") -> Run:
    """A run directory with an audit of these numbers."""
    (directory / "notes").mkdir(parents=True, exist_ok=True)
    (directory / "notes" / "a.txt").write_text("The lungs are clear.")
    (directory / "images.csv").write_text("image,label\n")
    (directory / "config.toml").write_text(CONFIG)
    (directory / "concepts.jsonl").write_text(concepts)
    AuditReport(rows=rows, paired=(), checks=(), notes=()).save(directory / "audit.json")
    return Run(directory, load_config(directory / "config.toml"))


def test_an_audit_is_recorded_once_and_again_when_something_changed(tmp_path: Path) -> None:
    run = finished(
        tmp_path / "runs" / "small", row(0.7), row(0.8, domain="in_domain"), row(0.6, group="sex=F")
    )
    folder = history_folder(tmp_path / "runs") / "small"
    first = record_audit(run)
    assert first is not None
    assert record_audit(run) is None
    assert read_entries(folder) == (first,)
    assert [(each.metric, each.group) for each in first.rows] == [
        ("accuracy", ""),
        ("accuracy", ""),
        ("accuracy", "sex=F"),
    ]
    finished(run.directory, row(0.6), concepts="c1\nc2\n")
    second = record_audit(run)
    assert second is not None
    assert read_entries(folder) == (first, second)
    assert previous_of(run.directory, name="small", audit=second.audit) == first
    assert previous_of(run.directory, name="small", audit="another") == second
    assert read_histories(tmp_path / "runs") == {"small": (first, second)}


def test_what_changed_is_named(tmp_path: Path) -> None:
    run = finished(tmp_path / "small", row(0.7))
    before = HistoryEntry.of(run)
    assert changed_ingredients(before, before) == ()
    finished(run.directory, row(0.7), concepts="c2\n")
    other = Run(run.directory, changed(run.config))
    after = replace(HistoryEntry.of(other), code="abc", versions={"torch": "9"})
    assert changed_ingredients(before, after) == (
        "concepts",
        "settings (audit)",
        "seed",
        "code (unknown to abc)",
        "libraries (torch)",
    )


def changed(config: Config) -> Config:
    audit = config.audit.model_copy(update={"replicates": 17})
    return config.model_copy(update={"audit": audit, "seed": 3})


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (row(0.7), row(0.66), Move.WITHIN),
        (row(0.7), row(0.6), Move.WORSE),
        (row(0.7), row(0.8), Move.BETTER),
        (row(0.2, domain="gap"), row(0.3, domain="gap"), Move.WORSE),
        (row(0.2, domain="gap"), row(0.1, domain="gap"), Move.BETTER),
        (row(0.2, metric="brier"), row(0.3, metric="brier"), Move.WORSE),
        (row(-0.05, domain="gap", metric="brier"), row(-0.25, domain="gap", metric="brier"), Move.WORSE),
        (row(0.02, metric="brier_reliability"), row(0.2, metric="brier_reliability"), Move.WORSE),
        (row(0.0, metric="calibration_intercept"), row(3.0, metric="calibration_intercept"), Move.WORSE),
        (row(0.3, metric="calibration_slope"), row(0.9, metric="calibration_slope"), Move.BETTER),
        (row(0.7), row(float("nan")), Move.MOVED),
        (row(float("nan")), row(0.7), Move.MOVED),
        (row(0.3, metric="brier_uncertainty"), row(0.9, metric="brier_uncertainty"), Move.MOVED),
    ],
)
def test_worse_and_better_are_outside_the_earlier_interval(
    earlier: AuditRow, later: AuditRow, expected: Move
) -> None:
    assert move_of(earlier, later) is expected


def test_the_worst_group_is_compared_with_the_worst_group_whichever_it_is(tmp_path: Path) -> None:
    women, men = (row(0.5, metric="worst_group_accuracy", group=f"sex={sex}") for sex in "FM")
    before = HistoryEntry.of(finished(tmp_path / "a", women))
    after = HistoryEntry.of(finished(tmp_path / "b", replace(men, value=0.4)))
    assert [moved.move for moved in moved_numbers(before, after)] == [Move.WORSE]


def test_two_processes_that_add_at_a_time_lose_no_entry(tmp_path: Path) -> None:
    entry = HistoryEntry.of(finished(tmp_path / "small", row(0.7)))
    source, folder = tmp_path / "entry.json", tmp_path / "history"
    source.write_text(json.dumps(entry.as_json()))
    code = """
import json, sys
from pathlib import Path
from pipelines.history.direction import has_direction
from pipelines.history.entry import HistoryEntry
from pipelines.history.store import add_entry
text = Path(sys.argv[1]).read_text()
for _ in range(20):
    add_entry(Path(sys.argv[2]), HistoryEntry.from_json(json.loads(text)))
"""
    command = [sys.executable, "-c", code, str(source), str(folder)]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert read_entries(folder) == (entry,) * 40
    assert sorted(path.name for path in folder.iterdir()) == [f"{n:06d}.json" for n in range(1, 41)]


def test_a_damaged_entry_and_a_folder_without_history_are_named(tmp_path: Path) -> None:
    folder = tmp_path / ".history" / "small"
    add_entry(folder, HistoryEntry.of(finished(tmp_path / "small", row(0.7))))
    (folder / "000001.json").write_text('{"schema": 1')
    with pytest.raises(PipelineError, match=r"000001\.json is no entry of a history .*remove it"):
        read_histories(tmp_path)
    entry = HistoryEntry.of(Run(tmp_path / "small", load_config(tmp_path / "small" / "config.toml")))
    damaged = replace(entry, rows=(row(float("nan")),))
    (folder / "000001.json").write_text(json.dumps(damaged.as_json()))
    with pytest.raises(PipelineError, match=r"value in number 1 of rows is NaN, not a number\); remove it"):
        read_histories(tmp_path)
    with pytest.raises(PipelineError, match="has no history; give the folder"):
        read_histories(tmp_path / "small")


def entered(runs: Path, values: Iterable[float]) -> None:
    for number, value in enumerate(values):
        run = finished(runs / "small", row(value), row(0.9, domain="in_domain"), concepts=f"{number}\n")
        record_audit(run)


def test_a_trend_says_what_moved_and_what_was_different(tmp_path: Path) -> None:
    entered(tmp_path, [0.7, 0.72, 0.6, 0.7])
    (trend,) = trends(tmp_path, run=None, method="knobo", metric="accuracy")
    moves = [point.move for point in trend.points]
    assert moves == [None, Move.WITHIN, Move.WORSE, Move.BETTER]
    assert all(point.changed == ("concepts",) for point in trend.points[1:])
    assert trend.table()[2][2] == "0.600 (0.550 to 0.650)"
    with pytest.raises(PipelineError, match="has no auroc of knobo; methods are knobo and metrics accuracy"):
        trends(tmp_path, run=None, method="knobo", metric="auroc")
    with pytest.raises(PipelineError, match="has no history of 'large'; there is one of small"):
        trends(tmp_path, run="large", method="knobo", metric="accuracy")


def test_the_page_draws_every_value_where_it_belongs(tmp_path: Path) -> None:
    entered(tmp_path, [0.7, 0.6])
    page = render_page(trends(tmp_path, run=None, method="knobo", metric="accuracy"))
    assert page.count("<circle") == page.count('width="8"') == 2
    assert "http" not in page
    # 220 high, 14 free above and 34 below: 0.9 of 172 from the floor at 186
    assert 'cy="31.2"' in page
    assert page.count("0.700 (0.650 to 0.750)") == 2  # beside the mark and in the table


def test_a_number_beyond_0_and_1_widens_the_axis_of_its_drawing(tmp_path: Path) -> None:
    for number, value in enumerate([0.4, 1.9, -0.3]):
        finished_with = row(value, metric="calibration_slope")
        record_audit(finished(tmp_path / "small", finished_with, row(0.9), concepts=f"{number}\n"))
    page = render_page(trends(tmp_path, run=None, method="knobo", metric="calibration_slope"))
    # from -1 to 2 in steps of 1: 172 units hold 3, so that 1.9 lies 0.1 of them below the ceiling at 14
    assert re.findall(r'y="([\d.]+)" text-anchor="end">(-?[\d.]+)<', page) == [
        ("190.0", "-1"),
        ("132.7", "0"),
        ("75.3", "1"),
        ("18.0", "2"),
    ]
    heights = [float(y) + 4 for y in re.findall(r'<rect x="[\d.]+" y="([\d.]+)"', page)]
    assert heights == pytest.approx([14 + 172 * (2 - value) / 3 for value in (0.4, 1.9, -0.3)], abs=0.06)
    shares = render_page(trends(tmp_path, run=None, method="knobo", metric="accuracy"))
    assert re.findall(r'text-anchor="end">(-?[\d.]+)<', shares) == ["0", "0.25", "0.5", "0.75", "1"]


def test_runs_are_compared_with_the_first(tmp_path: Path) -> None:
    finished(tmp_path / "a", row(0.7), row(0.9, domain="in_domain"))
    finished(tmp_path / "b", row(0.5), concepts="c9\n")
    found = compare_runs([tmp_path / "a", tmp_path / "b"])
    assert found.differences == (("concepts",),)
    assert [(each.domain, each.moves) for each in found.rows] == [
        ("shifted", (Move.WORSE,)),
        ("in_domain", (None,)),
    ]
    with pytest.raises(PipelineError, match="a run is named twice"):
        compare_runs([tmp_path / "a", tmp_path / "a"])


def test_every_number_of_an_audit_has_a_direction_or_is_known_to_have_none() -> None:
    without = [metric for metric in REPORTED if not has_direction(metric, "shifted")]
    assert without == ["brier_uncertainty"]
