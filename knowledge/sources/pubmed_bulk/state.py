"""What is kept beside a mirror between runs: checksums, the PMIDs of each file and of the last reading.

ledger.json       for each verified file its checksum, its size and what the server listed
index/NAME.npz    what stands in the file NAME
manifest.npz      the PMIDs that were live when the mirror was last read
"""

import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.atomic import replacing, write_text
from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_records import FileIndex, PmidSet
from knowledge.sources.pubmed_records.pmids import LARGEST

FOLDER = "knobo-state"


@dataclass(frozen=True, slots=True)
class Verified:
    """A file that is as the server has it: never fetched again.

    Attributes:
        md5: Of the compressed file.
        size: In bytes.
        listed: Date and size as the server listed them; where they change, its checksum is asked for again.
        records: Articles in it.
    """

    md5: str
    size: int
    listed: str
    records: int


class State:
    """The folder that holds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            KnowledgeError: It cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise KnowledgeError(
                f"{self.folder} cannot be written to ({error.strerror}): name another folder."
            ) from error

    def read_ledger(self) -> dict[str, Verified]:
        """Verified files by name; none where there is no ledger.

        Raises:
            KnowledgeError: The ledger is not one that was written here.
        """
        path = self.folder / "ledger.json"
        if not path.is_file():
            return {}
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            return {str(name): Verified(**entry) for name, entry in entries.items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise KnowledgeError(
                f"{path} is not a ledger of PubMed files ({error}): delete it, all is then verified again."
            ) from error

    def write_ledger(self, ledger: Mapping[str, Verified]) -> None:
        """All entries, sorted by name."""
        entries = {name: asdict(ledger[name]) for name in sorted(ledger)}
        write_text(self.folder / "ledger.json", json.dumps(entries, indent=0) + "\n")

    def read_index(self, file: Path) -> FileIndex | None:
        """The index of exactly this file, or none: it is then made anew."""
        try:
            with np.load(self.folder / "index" / f"{file.name}.npz", allow_pickle=False) as arrays:
                if str(arrays["stamp"]) != stamp(file):
                    return None
                return FileIndex(
                    pmids=_pmids(arrays["pmids"]),
                    deleted=_pmids(arrays["deleted"]),
                    retracted=_pmids(arrays["retracted"]),
                    damage=str(arrays["damage"]),
                )
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def write_index(self, file: Path, index: FileIndex) -> None:
        """Kept with the size and time of the file, so that a changed file is noticed."""
        _save(
            self.folder / "index" / f"{file.name}.npz",
            stamp=np.array(stamp(file)),
            pmids=index.pmids,
            deleted=index.deleted,
            retracted=index.retracted,
            damage=np.array(index.damage),
        )

    def forget(self, name: str) -> None:
        """Delete the index of a file that is gone."""
        (self.folder / "index" / f"{name}.npz").unlink(missing_ok=True)

    def read_manifest(self) -> PmidSet | None:
        """PMIDs that were live at the last reading; none before the first.

        Raises:
            KnowledgeError: The manifest is not one that was written here.
        """
        path = self.folder / "manifest.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                live = PmidSet()
                live.add(_pmids(arrays["live"]))
                return live
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise KnowledgeError(
                f"{path} is not a manifest of PMIDs ({error}): delete it to read as if for the first time."
            ) from error

    def write_manifest(self, live: PmidSet) -> None:
        """Sorted PMIDs."""
        _save(self.folder / "manifest.npz", live=live.members())


def stamp(file: Path) -> str:
    """Size and time of change."""
    status = file.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _pmids(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    if values.dtype != np.uint32 or values.ndim != 1 or (values.size and int(values.max()) > LARGEST):
        raise ValueError("a list of PMIDs holds other values")
    return values


def _save(path: Path, **arrays: NDArray[Any]) -> None:
    with replacing(path) as stream:
        np.savez(stream, allow_pickle=False, **arrays)
