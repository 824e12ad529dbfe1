"""Checks of the splits of a configuration before anything is encoded or fitted."""

import logging
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from models.collecting import uncollected
from models.errors import ModelsError
from models.features.read_ahead import groups_in_threads
from models.images import ImageRecord, image_digest, tell_broken
from models.splits.checks import CheckFinding, inspect_as_made
from pipelines.config import Config
from pipelines.images_table import ImagesTable
from pipelines.progress import Callback
from pipelines.stages.images import read_dataset
from pipelines.stages.split import make_split

FILES_AT_ONCE = 32
NAMED = 20  # broken images, where they are left out

log = logging.getLogger("knobo")


@uncollected()
def check_config(config: Config, *, progress: Callback) -> tuple[CheckFinding, ...]:
    """What every check that needs no features says of every split.

    Args:
        config: As for a run; the images that its splits use are read, to know copies by their content.
        progress: Called with (files read, files).

    Raises:
        PipelineError, ModelsError: A table, an image or a split that cannot be used.
    """
    table = table_of(config, progress=progress)
    digests = table.digest_by_path()

    def digest(record: ImageRecord) -> str:
        return digests[record.path]

    findings: list[CheckFinding] = []
    for section in config.splits:
        split = make_split(section, table, digests, seed=config.seed)
        findings += inspect_as_made(split, table.of(section.datasets), digest=digest)
    return tuple(findings)


def table_of(config: Config, *, progress: Callback) -> ImagesTable:
    """Records and digests of the data sets that a split names; files that cannot be read are left out."""
    used = {name for split in config.splits for name in split.datasets}
    pairs = [
        (record, dataset.name)
        for dataset in config.datasets
        if dataset.name in used
        for record in read_dataset(dataset)
    ]
    paths = list(dict.fromkeys(record.path for record, _ in pairs))
    digest_of: dict[str, str] = {}
    faults: list[str] = []
    workers = cpu_count() or 1
    with ThreadPoolExecutor(workers) as threads:
        outcomes = groups_in_threads(threads, image_digest, paths, size=FILES_AT_ONCE, ahead=2 * workers)
        for done, (path, outcome) in enumerate(zip(paths, outcomes, strict=True), start=1):
            if isinstance(outcome, ModelsError):
                faults.append(str(outcome))
            else:
                digest_of[str(path)] = outcome
            progress(done, len(paths))
    tell_broken(faults, lost=len(faults), total=len(paths), stop=config.on_broken == "stop")
    for fault in faults[:NAMED]:
        log.warning(fault)
    sound = [(record, name) for record, name in pairs if str(record.path) in digest_of]
    return ImagesTable(
        tuple(record for record, _ in sound),
        tuple(name for _, name in sound),
        tuple(digest_of[str(record.path)] for record, _ in sound),
    )
