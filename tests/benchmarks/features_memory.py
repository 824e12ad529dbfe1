"""A table of 1,000,000 x 768 features is opened, scaled, scored and drawn from, without being loaded.

python tests/benchmarks/features_memory.py

What counts is the anonymous memory of a fresh process (RssAnon in /proc/self/status): what it has allocated
and must keep. Pages of the mapped file (RssFile) are counted apart: they are the kernel's copy of what lies
on disk, which it takes back whenever another process needs the room. Importing numpy and torch is included.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
from figures import Figure, report
from numpy.typing import NDArray

from models.features.table import FeatureTable, write_table
from models.grounding.grounder import Grounder, GroundingSettings
from models.scaling import Scaling, ScalingKind

IMAGES, FEATURES, CONCEPTS, DRAWN = 1_000_000, 768, 150, 5_000
STATUS = Path("/proc/self/status")


def made_blocks() -> Iterator[NDArray[np.float32]]:
    """The table in parts."""
    generator = np.random.default_rng(0)
    for _ in range(100):
        yield generator.standard_normal((IMAGES // 100, FEATURES), dtype=np.float32)


def memory(kind: str) -> float:
    """GB of this process, of one kind."""
    line = next(line for line in STATUS.read_text("utf-8").splitlines() if line.startswith(kind))
    return int(line.split()[1]) * 1024 / 1e9


class Watch:
    """The most memory of each kind while a block runs, looked at a hundred times a second."""

    def __enter__(self) -> Self:
        self.anonymous = self.mapped = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self.anonymous = max(self.anonymous, memory("RssAnon"))
            self.mapped = max(self.mapped, memory("RssFile"))

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def use(folder: Path) -> dict[str, float]:
    """Opens, scales, scores and draws; seconds of each and the most memory."""
    times: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        results[name] = work()
        times[name] = time.perf_counter() - started

    results: dict[str, object] = {}
    with Watch() as watch:
        timed("open", lambda: FeatureTable.load(folder))
        table = results["open"]
        assert isinstance(table, FeatureTable)
        timed("scale", lambda: Scaling.fit(ScalingKind.STANDARD, table.values))
        scaling = results["scale"]
        assert isinstance(scaling, Scaling)
        timed("score", lambda: made_grounder(table, scaling).score(table))
        drawn = np.random.default_rng(2).choice(IMAGES, DRAWN, replace=False)
        timed("draw", lambda: table.rows([table.ids[row] for row in drawn]))
    assert np.abs(scaling.center).max() < 0.01
    assert np.abs(scaling.scale - 1).max() < 0.01
    return {**times, "anonymous": watch.anonymous, "mapped": watch.mapped}


def made_grounder(table: FeatureTable, scaling: Scaling) -> Grounder:
    """Detectors with weights drawn by chance."""
    generator = np.random.default_rng(1)
    names = tuple(f"c{number}" for number in range(CONCEPTS))
    return Grounder(
        concept_ids=names,
        columns=table.columns,
        weight=generator.normal(0, 0.05, (CONCEPTS, FEATURES)),
        bias=np.zeros(CONCEPTS),
        scaling=scaling,
        quality=(),
        out_of_fold=FeatureTable((), names, np.empty((0, CONCEPTS), np.float32)),
        ungrounded=(),
        settings=GroundingSettings(),
    )


def measure() -> dict[str, Figure]:
    """Makes the table on disk, and uses it in a process of its own."""
    if not STATUS.is_file():
        print("skipped: the memory of a process is read from /proc, which this system has not")
        return {}
    with tempfile.TemporaryDirectory(prefix="knobo-features-") as folder:
        ids = [f"cohort/p{number:07d}-frontal" for number in range(IMAGES)]
        columns = [str(number) for number in range(FEATURES)]
        write_table(Path(folder, "features"), ids=ids, columns=columns, blocks=made_blocks())
        command = [sys.executable, __file__, "--use", str(Path(folder, "features"))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    setting = f"{IMAGES:,} x {FEATURES} float32 ({IMAGES * FEATURES * 4 / 1e9:.1f} GB on disk)"
    result = IMAGES * CONCEPTS * 4 / 1e9
    return {
        "features.memory_gb": Figure(
            found["anonymous"],
            "GB",
            f"most anonymous memory while {setting} are opened and checked, scaled, scored by {CONCEPTS} "
            f"concepts (the scores are {result:.1f} GB of it) and {DRAWN:,} rows drawn; besides, up to "
            f"{found['mapped']:.1f} GB of pages of the mapped file, which the kernel may take back",
        ),
        "features.seconds": Figure(
            sum(found[step] for step in ("open", "scale", "score", "draw")),
            "s",
            ", ".join(f"{step} {found[step]:.1f} s" for step in ("open", "scale", "score", "draw")),
        ),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--use"]:
        print(json.dumps(use(Path(sys.argv[2]))))
    else:
        report(measure())
