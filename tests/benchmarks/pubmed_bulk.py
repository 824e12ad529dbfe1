"""Bulk PubMed: records per second of one core beside Bio.Entrez.read, and memory at 1 and 20 files.

Real records, each repeated with new PMIDs, in files like those of the baseline. Every figure is taken in a
process of its own: peaks of memory must not be those of another step.

    python tests/benchmarks/pubmed_bulk.py [--json FILE]
"""

import gzip
import importlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from figures import Figure, report

REAL = Path(__file__).parents[3] / "shared" / "data" / "pubmed" / "xml"
HEAD = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, '
    b'1st January 2019//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_190101.dtd">\n<PubmedArticleSet>\n'
)
RECORDS = 30_000
SMALL = 2_000  # Entrez.read holds about 100 kB a record
FILES = 20


def real_records(*, declaring: bytes = b"") -> list[bytes]:
    """Records of the real files that declare this document type, as they stand there."""
    files = [path.read_bytes() for path in sorted(REAL.glob("*.xml"))]
    whole = b"".join(file for file in files if declaring in file[:400])
    return re.findall(rb"<PubmedArticle>.*?</PubmedArticle>", whole, re.DOTALL)


def bare(record: bytes) -> bytes:
    """Title, abstract, types and ids alone: what a record without authors and references looks like."""
    unread = rb"<((?:Author|Reference|MeshHeading|Chemical|CommentsCorrections|Keyword|Grant)List)\b"
    return re.sub(unread + rb".*?</\1>", b"", record, flags=re.DOTALL)


def write(path: Path, records: list[bytes], count: int, first: int) -> int:
    """`count` records with PMIDs from `first`, gzipped; returns their bytes."""
    size = 0
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(HEAD)
        for number in range(count):
            record = re.sub(
                rb"(<PMID[^>]*>)\d+", rb"\g<1>%d" % (first + number), records[number % len(records)], count=1
            )
            size += file.write(record + b"\n")
        file.write(b"</PubmedArticleSet>\n")
    return size


def index_step(folder: Path) -> int:
    """What synchronising does once a file: the list of its PMIDs."""
    from knowledge.sources.pubmed_bulk.census import ensure_index
    from knowledge.sources.pubmed_bulk.state import FOLDER, State

    state = State(folder / FOLDER)
    return sum(len(ensure_index(file, state).pmids) for file in sorted(folder.glob("*.xml.gz")))


def read_step(folder: Path) -> int:
    """All documents, and nothing kept."""
    from knowledge.sources.pubmed_bulk import read_bulk

    reading = read_bulk(folder, source="pubmed", license="NLM")
    for _ in reading:
        pass
    assert reading.report.bad_records == 0, reading.report
    assert not reading.report.damaged, reading.report
    return reading.report.records


def entrez_step(folder: Path) -> int:
    """The same records through Biopython."""
    from Bio import Entrez

    records = 0
    for file in sorted(folder.glob("*.xml.gz")):
        with gzip.open(file) as stream:
            records += len(Entrez.read(stream)["PubmedArticle"])  # type: ignore[no-untyped-call]
    return records


IMPORTS = {
    "index": "knowledge.sources.pubmed_bulk",
    "read": "knowledge.sources.pubmed_bulk",
    "entrez": "Bio.Entrez",
}
STEPS: dict[str, Callable[[Path], int]] = {"index": index_step, "read": read_step, "entrez": entrez_step}


def step(name: str, folder: Path) -> tuple[float, float]:
    """Records per second of processor time and peak MB of one step in its own process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, name, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    speed, peak = json.loads(done.stdout)
    return float(speed), float(peak)


def run_step(name: str, folder: Path) -> None:
    """In the step's own process; what is imported is not what is measured."""
    importlib.import_module(IMPORTS[name])
    began = time.process_time()
    records = STEPS[name](folder)
    seconds = time.process_time() - began
    print(json.dumps([records / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def measure() -> dict[str, Figure]:
    """The bars of bulk parsing."""
    records = real_records()
    with tempfile.TemporaryDirectory() as place:
        small, one, plain, many = (Path(place) / name for name in ("small", "one", "plain", "many"))
        for folder in (small, one, plain, many):
            folder.mkdir()
        valid = real_records(declaring=b"pubmed_190101.dtd")  # Entrez.read validates, and bundles this one
        each_valid = write(small / "pubmed26n0001.xml.gz", valid, SMALL, 1) / SMALL
        size = write(one / "pubmed26n0001.xml.gz", records, RECORDS, 1) / RECORDS
        short = write(plain / "pubmed26n0001.xml.gz", [bare(each) for each in records], RECORDS, 1) / RECORDS
        for number in range(FILES):
            link = many / f"pubmed26n{number + 1:04}.xml.gz"
            write(link, records, RECORDS // 10, 1 + number * RECORDS // 10)
        index_speed, _ = step("index", one)
        speed, peak = step("read", one)
        step("index", plain)
        plain_speed, _ = step("read", plain)
        step("index", many)
        _, peak_many = step("read", many)
        step("index", small)
        pairs = [(step("read", small)[0], step("entrez", small)) for _ in range(3)]
    ratio = sorted(ours / theirs[0] for ours, theirs in pairs)[1]
    entrez_peak = pairs[0][1][1]
    about = f"{RECORDS:,} real records of {size / 1000:.1f} kB on average"
    return {
        "pubmed_bulk.records_per_s": Figure(
            speed, "records/s", f"read_bulk, one core, one gzipped file of {about}, index at hand"
        ),
        "pubmed_bulk.records_per_s_bare": Figure(
            plain_speed,
            "records/s",
            f"the same without authors, references, headings: {short / 1000:.1f} kB each",
        ),
        "pubmed_bulk.index_records_per_s": Figure(
            index_speed, "records/s", f"listing the PMIDs of one gzipped file, once a file, {about}"
        ),
        "pubmed_bulk.ratio_entrez": Figure(
            ratio,
            "ratio",
            f"read_bulk against Bio.Entrez.read, same {SMALL:,} real records of {each_valid / 1000:.1f} kB, "
            "median of 3 pairs",
        ),
        "pubmed_bulk.peak_mb": Figure(peak, "MB", f"whole process, one file of {about}"),
        "pubmed_bulk.peak_mb_20_files": Figure(
            peak_many, "MB", f"whole process, {FILES} files of {RECORDS // 10:,} records each"
        ),
        "pubmed_bulk.peak_mb_entrez": Figure(entrez_peak, "MB", f"Bio.Entrez.read, {SMALL:,} records"),
    }


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in STEPS:
        run_step(sys.argv[1], Path(sys.argv[2]))
    else:
        report(measure())
