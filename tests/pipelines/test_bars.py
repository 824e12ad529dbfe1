import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from report_example import make_report, with_methods

BARS = Path(__file__).resolve().parents[1] / "benchmarks" / "bars.py"


def bars(runs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, BARS, runs], capture_output=True, text=True, check=False)


def test_a_method_that_was_not_run_misses_its_bar_and_is_said_to_be_missing(tmp_path: Path) -> None:
    audit = with_methods(make_report()).audit
    run = tmp_path / "real-xray"
    run.mkdir()
    kept = tuple(row for row in audit.rows if row.method != "pcbm_h")
    replace(audit, rows=kept).save(run / "audit.json")
    done = bars(tmp_path)
    lines = {
        line.split(": ", 1)[1].rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1] for line in done.stdout.splitlines()
    }
    assert lines["knobo less pcbm_h, shifted not in this run (bar 0.0 to 1.0)"] == "MISSED"
    (joint,) = [line for line in lines if line.startswith("knobo less pcbm_h_joint, shifted")]
    assert "not in this run" not in joint
    assert (done.returncode, done.stderr) == (1, "")
