"""Stage `images`: reads every data set, and looks at every file."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import models.torchvision_operators  # noqa: F401  # before timm
from models.cores import usable_cores
from models.datasets.folders import read_folders
from models.datasets.manifest import ManifestColumns, read_manifest
from models.errors import ModelsError
from models.features.read_ahead import in_threads
from models.files import write_text
from models.images import ImageRecord, bytes_digest, decode_image, read_bytes, tell_broken
from pipelines.config import DataSet
from pipelines.digests import content_digest
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import Run

BROKEN = "broken_images.txt"


def images(run: Run) -> None:
    """Reads every data set and image; a broken one stops the run or is left out, as configured."""
    records: list[ImageRecord] = []
    names: list[str] = []
    for dataset in run.config.datasets:
        found = read_dataset(dataset)
        records += found
        names += [dataset.name] * len(found)
    progress = run.reporter.work("images", "images")
    digests: list[str] = []
    faults: list[str] = []
    workers = usable_cores()
    with ThreadPoolExecutor(workers) as threads:
        paths = (record.path for record in records)
        for outcome in in_threads(threads, digest_of_readable, paths, ahead=4 * workers):
            faults += [str(outcome)] if isinstance(outcome, ModelsError) else []
            digests.append("" if isinstance(outcome, ModelsError) else outcome)
            progress(len(digests), len(records))
    list_broken(run.path(BROKEN), faults)
    stop = run.config.on_broken == "stop"
    tell_broken(faults, lost=len(faults), total=len(records), stop=stop, listed=f"{run.config.name}/{BROKEN}")
    sound = [place for place, digest in enumerate(digests) if digest]
    table = ImagesTable(
        tuple(records[place] for place in sound),
        tuple(names[place] for place in sound),
        tuple(digests[place] for place in sound),
    )
    write_images(run.path("images.parquet"), table)


def list_broken(path: Path, faults: list[str]) -> None:
    """A sentence for each broken image, in the run alone: what is logged or sent elsewhere names none."""
    if faults:
        write_text(path, "".join(f"{fault}\n" for fault in faults))
    else:
        path.unlink(missing_ok=True)


def digest_of_readable(path: Path) -> str:
    """SHA-256 of a file, read once, whose pixels could be decoded."""
    data = read_bytes(path)
    decode_image(data, name=str(path))
    return bytes_digest(data)


def read_dataset(dataset: DataSet) -> list[ImageRecord]:
    """Records of one data set, after `where`, `label_map` and `half`."""
    if dataset.folder is not None:
        return keep_half(read_folders(dataset.folder, name=dataset.name), dataset)
    assert dataset.manifest is not None, "the configuration admits either a manifest or a folder"
    where = dict(dataset.where)
    if dataset.label_map and dataset.label is not None:
        where.setdefault(dataset.label, tuple(dataset.label_map))
    columns = ManifestColumns(
        image=dataset.image,
        id=dataset.id,
        label=dataset.label,
        patient=dataset.patient,
        report=dataset.report,
        attributes=tuple(dict.fromkeys((*dataset.attributes, *(c.column for c in dataset.expert_columns)))),
    )
    records = read_manifest(
        dataset.manifest,
        name=dataset.name,
        columns=columns,
        where=where,
        label_map=dataset.label_map or None,
    )
    return keep_half(with_shared_patients(records, dataset), dataset)


def with_shared_patients(records: list[ImageRecord], dataset: DataSet) -> list[ImageRecord]:
    """Patient ids that are the same for every data set read from the same table and column."""
    assert dataset.manifest is not None, "folders know no patients"
    table = content_digest(dataset.manifest)[:8]
    return [
        replace(record, patient=f"{table}/{record.patient.split('/', 1)[1]}") if record.patient else record
        for record in records
    ]


def keep_half(records: list[ImageRecord], dataset: DataSet) -> list[ImageRecord]:
    """One half of the patients by a hash of the id alone, so that it never depends on what else is read."""
    if dataset.half is None:
        return records
    wanted = 0 if dataset.half == "first" else 1
    kept = [record for record in records if half_of(record) == wanted]
    if not kept:
        raise PipelineError(f"the {dataset.half} half of data set {dataset.name!r} is empty; drop `half`")
    return kept


def half_of(record: ImageRecord) -> int:
    """0 or 1 by the patient (else the image) id without the name of the data set."""
    unit = (record.patient or record.id).split("/", 1)[1]
    return int(hashlib.sha256(unit.encode()).hexdigest(), 16) % 2
