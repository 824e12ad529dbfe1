"""How long a refresh with one new record in a hundred takes beside the first build of the same bank.

Both run in this process, with the models that a run has by default, on the same real literature: passages of
openly licensed textbooks and abstracts, and phantoms with reports. The cache holds the named weights alone
when the first build starts. The first build is timed without its images: what is compared is literature,
index, discovery, curation, annotation, prior and grounding.
"""

import json
import os
import tempfile
import time
from pathlib import Path

from figures import Figure, report
from index_material import documents

import models.torchvision_operators  # noqa: F401  # before transformers
from knowledge.passages import Document
from pipelines.config import load_config
from pipelines.config.keeping import keep_config
from pipelines.demo.configure import configure_demo
from pipelines.progress import LogReporter, SilentReporter
from pipelines.refreshing import refresh
from pipelines.run import Run
from pipelines.stages import STAGES
from pipelines.weights import cache_directory

PASSAGES = int(os.environ.get("REFRESH_PASSAGES", "4000"))
"""Of the first build, about; the handbook of the demo comes besides, so that reports answer something."""
PHANTOMS = int(os.environ.get("REFRESH_IMAGES", "400"))
CHANGES = {
    '[[datasets]]\nname = "reports"': (
        '[[literature]]\nname = "notes"\nkind = "records"\npath = "../notes.jsonl"\nlicense = "several"\n'
        'fields = { id = "id", text = ["text"] }\n\n[[datasets]]\nname = "reports"'
    ),
    "maximum_sentences = 48": "maximum_sentences = 600",
    "wanted = 60": "wanted = 150",
    'datasets = ["reports"]\n': 'datasets = ["reports"]\nminimum_auroc = 0.0\n',
    "[annotation]": "[screening]\nminimum_answers = 5\n\n[annotation]",
}
"""The demo with this literature besides its own, and with the bounds that a run has by default."""
IMAGES = ("images", "split", "encode")
TEXTS = ("fetch", "gather", "index", "discover", "curate", "annotate", "prior", "ground", "score")


def measure() -> dict[str, Figure]:
    """Both times and their ratio."""
    weights = (cache_directory() / "weights").resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["KNOBO_CACHE"] = str(place / "cache")
        (place / "cache").mkdir()
        (place / "cache" / "weights").symlink_to(weights)
        config = configured(place)
        held = write_literature(place / "notes.jsonl")
        first = build(config, place / "runs")
        with (place / "notes.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(held)
        outcome = refresh(config, place / "runs", reporter=LogReporter())
    total = outcome.passages.unchanged
    told = f"{total:,} passages, {outcome.passages.added} new, {len(outcome.proposed)} concepts proposed"
    return {
        "refresh.first_build_s": Figure(first, "s", f"literature to grounding, empty cache, {told}"),
        "refresh.refresh_s": Figure(outcome.seconds, "s", f"everything, with loading the models; {told}"),
        "refresh.share": Figure(outcome.seconds / first, "ratio", "refresh by first build, the same process"),
    }


def configured(place: Path) -> Path:
    """The chest demo on other literature."""
    chest, _ = configure_demo(place / "data", images=PHANTOMS, reporter=SilentReporter())
    text = chest.read_text("utf-8")
    for before, after in CHANGES.items():
        assert before in text, before
        text = text.replace(before, after)
    chest.write_text(text, "utf-8")
    return chest


def write_literature(path: Path) -> list[str]:
    """All but every hundredth record; those, for later."""
    lines, written = [], 0
    for document in documents():
        lines.append(line_of(document))
        written += max(1, len(" ".join(each.text for each in document.sections)) // 1000)
        if written >= PASSAGES:
            break
    path.write_text("".join(line for n, line in enumerate(lines) if n % 100 != 50), "utf-8")
    return lines[50::100]


def line_of(document: Document) -> str:
    """As a record."""
    text = " ".join(each.text for each in document.sections)
    return json.dumps({"id": document.id, "text": text}, ensure_ascii=False) + "\n"


def build(config: Path, runs: Path) -> float:
    """Seconds of the stages that make the bank; those of the images come before, untimed."""
    loaded = load_config(config)
    run = Run(runs / loaded.name, loaded, LogReporter())
    run.directory.mkdir(parents=True)
    keep_config(run.path("config.toml"), loaded)
    work = {stage.name: stage for stage in STAGES}
    with run.locked():
        for name in IMAGES:
            run.execute(work[name])
        started = time.perf_counter()
        for name in TEXTS:
            run.execute(work[name])
    return time.perf_counter() - started


if __name__ == "__main__":
    report(measure())
