"""A table of 380,000 images is read, checked and split, as a hospital's whole archive would be.

python tests/benchmarks/manifest.py

The size is that of MIMIC-CXR: 65,000 patients with one to many images, a report for each, four views, two
sexes. The images are files that are there, of a few bytes each, so that the existence of every path, the
digest of every content and the copies planted among them are real work; reading real pixels is limited by
the disk and measured by the benchmark of feature extraction. The CSV is also taken by the user's own way:
`knobo check` on a configuration that names it and both splits. Seconds and memory are those of a fresh
process, imports included; making the files is not counted. The processor time of the same work is given
beside the seconds, for a shared machine makes the seconds long.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
from figures import Figure, report

from models.datasets.manifest import ManifestColumns, read_manifest
from models.domains import DomainSplit, confounded, plain
from models.images import ImageRecord
from models.splits.cells import contents_of, file_digest
from models.splits.checks import CheckFinding

IMAGES, PATIENTS, COPIES, CONFLICTS = 380_000, 65_000, 400, 100
FINDINGS = ("no_finding", "atelectasis", "cardiomegaly", "effusion", "pneumonia")
SHARES = (0.4, 0.2, 0.15, 0.2, 0.05)
SENTENCE = "The lungs are clear and the heart is of normal size, with no effusion and no pneumothorax. "
HEADER = ("image", "dicom_id", "subject_id", "finding", "sex", "view", "age", "report")
COLUMNS = ManifestColumns(
    id="dicom_id",
    label="finding",
    patient="subject_id",
    report=("report",),
    attributes=("sex", "view", "age"),
)
LITERATURE = '{ name = "h", kind = "markdown", path = "demo-handbook:chest_xray", license = "Apache-2.0" }'
CONFIG = f"""
name = "archive"
modality = "chest X-ray"
classes = [{", ".join(f'{{ name = "{name}" }}' for name in FINDINGS)}]
literature = [{LITERATURE}]
grounding = {{ datasets = ["archive"] }}

[[datasets]]
name = "archive"
manifest = "table.csv"
id = "dicom_id"
label = "finding"
patient = "subject_id"
report = ["report"]
attributes = ["sex", "view", "age"]

[[splits]]
name = "view"
datasets = ["archive"]
classes = ["no_finding", "effusion"]
attribute = "view"
values = ["PA", "AP"]

[[splits]]
name = "plain"
kind = "plain"
datasets = ["archive"]
classes = {json.dumps(FINDINGS)}
"""


def made_rows() -> Iterator[tuple[str, ...]]:
    """The table, row by row; sex is the patient's, everything else the image's."""
    generator = np.random.default_rng(0)
    patients = np.sort(generator.integers(PATIENTS, size=IMAGES))
    findings = generator.choice(FINDINGS, size=IMAGES, p=SHARES)
    views = generator.choice(("PA", "AP", "LATERAL", "LL"), size=IMAGES)
    ages = generator.integers(18, 91, size=PATIENTS)
    for number, (patient, finding, view) in enumerate(zip(patients, findings, views, strict=True)):
        name = f"p{patient:05}/s{number // 2:06}-{number:06}"
        text = f"Study {number}. " + SENTENCE * (3 + number % 7)
        sex = ("F", "M")[patient % 2]
        yield f"{name}.jpg", f"i{number:06}", f"{patient}", finding, sex, view, f"{ages[patient]}", text


def make(folder: Path) -> None:
    """Writes tables, configuration and images: the last are copies of the first, some with another label."""
    (folder / "archive.toml").write_text(CONFIG, encoding="utf-8")
    rows = list(made_rows())
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)
    for patient in sorted({row[2] for row in rows}, key=int):
        (folder / f"p{int(patient):05}").mkdir()
    source = contents_by_row(rows)
    for row, content in zip(rows, source, strict=True):
        (folder / row[0]).write_bytes(b"%d" % content)
    table = pyarrow.csv.read_csv(folder / "table.csv")
    pyarrow.parquet.write_table(table, folder / "table.parquet")


def contents_by_row(rows: list[tuple[str, ...]]) -> list[int]:
    """What lies in each file: its row number, but for the planted copies."""
    first: dict[str, list[int]] = {}
    for number, row in enumerate(rows[: IMAGES // 2]):
        first.setdefault(row[3], []).append(number)
    contents = list(range(IMAGES))
    for number in range(IMAGES - COPIES, IMAGES):
        conflict = number >= IMAGES - CONFLICTS
        same = rows[number][3]
        label = next(name for name in FINDINGS[:2] if name != same) if conflict else same
        contents[number] = next(islice(first[label], number % 1000, None))
    return contents


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    """Adds the seconds of a block under a name."""
    started = time.perf_counter()
    yield
    times[name] = time.perf_counter() - started


def use(table: Path) -> dict[str, float]:
    """Reads, digests, splits and checks; seconds of each part and the most memory."""
    times: dict[str, float] = {}
    with timed(times, "read"):
        records = read_manifest(table, name="archive", columns=COLUMNS)
    with timed(times, "digests"):
        contents = contents_of(records, file_digest)

    def digest(record: ImageRecord) -> str:
        return contents[record.id]

    with timed(times, "confounded"):
        shifted = confounded(
            records,
            name="view",
            classes=("no_finding", "effusion"),
            attribute="view",
            values=("PA", "AP"),
            seed=0,
            digest=digest,
        )
    with timed(times, "plain"):
        whole = plain(records, name="plain", classes=FINDINGS, seed=0, digest=digest)
    for split in (shifted, whole):
        require_sound(split)
    require_planted(whole)
    return times | used_up()


def check(config: Path) -> dict[str, float]:
    """What `knobo check` does; its seconds and the most memory."""
    from pipelines.checking import check_config  # the table alone needs none of the stages
    from pipelines.config import load_config

    times: dict[str, float] = {}
    with timed(times, "check"):
        found = check_config(load_config(config), progress=lambda _done, _total: None)
    require_found(found)
    return times | used_up()


def used_up() -> dict[str, float]:
    """Processor seconds of this process so far, and the most memory."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024 / 1e9}


def require_sound(split: DomainSplit) -> None:
    """A split that repeats a patient or an image measured nothing."""
    looked_at = {"duplicate_images", "conflicting_labels"}
    grave = [check for check in split.checks if check.fatal or check.name in looked_at]
    failed = [check.message for check in grave if not check.passed]
    assert not failed, f"split {split.name}: {failed}"


def require_planted(whole: DomainSplit) -> None:
    """The planted contradictions and copies were found, and nothing else."""
    counts = {check.name: check.counts for check in whole.checks}
    assert counts["conflicting_labels"]["images"] == CONFLICTS
    assert counts["duplicate_images"]["copies_left_out"] == COPIES - CONFLICTS


def require_found(findings: Sequence[CheckFinding]) -> None:
    """No error in either split, and in the plain one the same copies and contradictions."""
    assert {each.split for each in findings} == {"view", "plain"}
    assert not [each.message for each in findings if each.severity == "error"]
    counts = {each.name: each.counts for each in findings if each.split == "plain"}
    assert counts["conflicting_labels"]["images"] == CONFLICTS
    assert counts["duplicate_images"]["copies_left_out"] == COPIES - CONFLICTS


def measured(option: str, path: Path) -> dict[str, float]:
    """`use` or `check` in a process of its own; `total` is its life from start to end."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, option, path], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found | {"total": time.perf_counter() - started}


def figures_of(name: str, found: Mapping[str, float], how: str) -> dict[str, Figure]:
    """Seconds and memory under a name, the seconds of each part in words."""
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in found.items() if part != "memory")
    return {
        f"manifest.{name}_seconds": Figure(found["total"], "s", f"{how}; seconds: {parts}"),
        f"manifest.{name}_memory": Figure(
            found["memory"], "GB", "largest resident size of that process, imports included"
        ),
    }


def measure() -> dict[str, Figure]:
    """Seconds and memory for a CSV, the same for Parquet, and of `knobo check` on the CSV."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        for suffix in ("csv", "parquet"):
            how = f"{IMAGES:,} rows of {suffix} with reports, two splits, all checks"
            figures |= figures_of(suffix, measured("--use", Path(folder) / f"table.{suffix}"), how)
        how = f"`knobo check` of {IMAGES:,} rows of csv with reports, two splits"
        figures |= figures_of("check", measured("--check", Path(folder) / "archive.toml"), how)
    return figures


if __name__ == "__main__":
    ways = {"--use": use, "--check": check}
    if sys.argv[1:] and sys.argv[1] in ways:
        print(json.dumps(ways[sys.argv[1]](Path(sys.argv[2]))))
    else:
        report(measure())
