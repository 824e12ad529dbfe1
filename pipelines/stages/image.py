"""Stages on images: read the data sets, divide them, encode them, ground the concepts, score every image."""

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from os import cpu_count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models.torchvision_operators  # noqa: F401  # before timm
from knowledge.annotation.table import AnnotationTable, Answer, read_annotations
from models.datasets.folders import read_folders
from models.datasets.manifest import ManifestColumns, read_manifest
from models.domains import DomainSplit, confounded, load_split, plain, save_split
from models.encoders import Encoder, TimmEncoder, TimmGridEncoder
from models.errors import ModelsError
from models.feature_table import FeatureTable
from models.features import FeatureStore, extract
from models.grounder import Grounder, GroundingSettings
from models.grounding import fit_grounders
from models.images import ImageRecord, image_digest, open_image
from pipelines.config import DataSet, EncoderSection, SplitSection
from pipelines.digests import content_digest
from pipelines.directories import new_directory
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, read_images, write_images
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights

log = logging.getLogger("knobo")


def images(run: Run) -> None:
    """Reads every data set and image; a broken one stops the run or is left out, as configured."""
    records: list[ImageRecord] = []
    names: list[str] = []
    for dataset in run.config.datasets:
        found = read_dataset(dataset)
        records += found
        names += [dataset.name] * len(found)
    progress = run.reporter.work("images", "images")
    digests, faults = [], []
    with ThreadPoolExecutor(cpu_count()) as threads:
        for digest, fault in threads.map(digest_or_fault, [record.path for record in records]):
            digests.append(digest)
            faults += [fault] if fault else []
            progress(len(digests), len(records))
    tell_broken(faults, total=len(records), stop=run.config.on_broken == "stop")
    sound = [place for place, digest in enumerate(digests) if digest]
    table = ImagesTable(
        tuple(records[place] for place in sound),
        tuple(names[place] for place in sound),
        tuple(digests[place] for place in sound),
    )
    write_images(run.path("images.parquet"), table)


def digest_or_fault(path: Path) -> tuple[str, str]:
    """SHA-256 of a file whose pixels can be read, or an empty string and what is wrong with it."""
    try:
        open_image(path)
        return image_digest(path), ""
    except ModelsError as error:
        return "", str(error)


def tell_broken(faults: Sequence[str], *, total: int, stop: bool) -> None:
    """Names the first broken images and counts them, as an error or in the log."""
    if not faults:
        return
    message = f"{len(faults)} of {total} images cannot be read: {'; '.join(faults[:3])}"
    if stop or len(faults) == total:
        raise PipelineError(f'{message}; mend or remove them, or set on_broken = "skip"')
    log.warning(message)


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


def split(run: Run) -> None:
    """Makes every split, with its checks; a fatal one stops the run."""
    table = read_images(run.path("images.parquet"))
    digests = table.digest_by_path()
    with new_directory(run.path("splits")) as directory:
        for section in run.config.splits:
            made = make_split(section, table, digests, seed=run.config.seed)
            refuse_fatal(made)
            save_split(made, directory / f"{section.name}.json")


def make_split(
    section: SplitSection, table: ImagesTable, digests: dict[Path, str], *, seed: int
) -> DomainSplit:
    """One split as configured."""
    records = table.of(section.datasets)

    def digest(record: ImageRecord) -> str:
        return digests[record.path]

    if section.kind == "plain":
        return plain(records, name=section.name, classes=section.classes, seed=seed, digest=digest)
    first, second = section.classes
    assert section.attribute is not None, "the configuration demands it"
    return confounded(
        records,
        name=section.name,
        classes=(first, second),
        attribute=section.attribute,
        values=(section.values[0], section.values[1]),
        seed=seed,
        maximum=section.maximum,
        minimum=section.minimum,
        digest=digest,
    )


def refuse_fatal(made: DomainSplit) -> None:
    """Stops where a number would mean nothing."""
    for check in made.checks:
        if check.fatal and not check.passed:
            raise PipelineError(f"split {made.name!r}: {check.message}")


def read_splits(run: Run) -> list[DomainSplit]:
    """In the order of the configuration."""
    return [load_split(run.path(f"splits/{section.name}.json")) for section in run.config.splits]


def encode(run: Run) -> None:
    """One vector an image; only contents never seen before are encoded."""
    section = run.config.encoder
    table = extract(
        read_images(run.path("images.parquet")).records,
        open_encoder(section),
        FeatureStore(cache_directory() / "features"),
        batch=section.batch,
        progress=run.reporter.work("encode", "images"),
    )
    table.save(run.path("features.npz"))


def open_encoder(section: EncoderSection) -> Encoder:
    """The configured encoder with its weights."""
    weights = find_weights(section.weights)
    if section.features == "pooled":
        return TimmEncoder(section.architecture, weights)
    return TimmGridEncoder(section.architecture, weights, stride=section.stride, cells=section.cells)


def ground(run: Run) -> None:
    """One detector a concept, the best of them kept."""
    section = run.config.grounding
    features = FeatureTable.load(run.path("features.npz"))
    records = {record.id: record for record in grounding_records(run)}
    ids = tuple(image for image in features.ids if image in records)
    concept_ids, answers = answer_matrix(ids, read_annotations(run.path("annotations.parquet")))
    fitted = fit_grounders(
        FeatureTable(ids, features.columns, features.rows(ids)),
        answers,
        concept_ids=concept_ids,
        groups=[records[image].patient or image for image in ids],
        settings=GroundingSettings(C=section.C, folds=section.folds, seed=run.config.seed),
        progress=run.reporter.work("ground", "concepts"),
    )
    fitted.save(run.path("grounder"))


def grounding_records(run: Run) -> list[ImageRecord]:
    """Images that concepts are learnt from; refuses patients that a split also uses."""
    table = read_images(run.path("images.parquet"))
    records = table.of(run.config.grounding.datasets)
    used = {id_ for file in sorted(run.path("splits").glob("*.json")) for id_ in load_split(file).label}
    contents = {r.path: d for r, d in zip(table.records, table.digests, strict=True)}
    evaluated = {contents[r.path] for r in table.records if r.id in used}
    patients = {r.patient for r in table.records if r.id in used and r.patient}
    shared = [r for r in records if contents[r.path] in evaluated or r.patient in patients]
    if shared:
        raise PipelineError(
            f"{len(shared)} grounding images, or their patients, are also in a split; "
            "use `where` or `half` so that the two sets are apart"
        )
    return records


def answer_matrix(
    ids: Sequence[str], tables: Sequence[AnnotationTable]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Concepts in order of first appearance, and `(n, c)` probability of yes; nan where unknown.

    Where two annotators answer the same cell, the later table (an expert's) wins.
    """
    concept_ids = tuple(dict.fromkeys(name for table in tables for name in table.concept_ids))
    answers = np.full((len(ids), len(concept_ids)), np.nan, np.float32)
    row = {image: place for place, image in enumerate(ids)}
    column = {concept: place for place, concept in enumerate(concept_ids)}
    for table in tables:
        known = [(place, row[image]) for place, image in enumerate(table.report_ids) if image in row]
        if not known:
            continue
        sources, targets = (np.array(side) for side in zip(*known, strict=True))
        values = np.where(table.answer == Answer.UNKNOWN, np.nan, table.probability)
        for place, concept in enumerate(table.concept_ids):
            said = ~np.isnan(values[sources, place])
            answers[targets[said], column[concept]] = values[sources[said], place]
    return concept_ids, answers


def score(run: Run) -> None:
    """Concept probabilities of every image, for the concepts that are kept."""
    kept_grounder(run).score(FeatureTable.load(run.path("features.npz"))).save(run.path("scores.npz"))


def kept_grounder(run: Run) -> Grounder:
    """The best detectors whose quality is above chance."""
    section = run.config.grounding
    grounder = Grounder.load(run.path("grounder"))
    good = sum(item.auroc_low > section.minimum_auroc for item in grounder.quality)
    if good < 2:
        raise PipelineError(
            f"only {good} of {len(grounder.quality)} concepts can be seen in the features "
            "better than chance; add grounding images or literature, or lower [grounding] minimum_auroc"
        )
    return grounder.best(min(section.keep, good))
