"""Whether the files of a version are as they were published."""

import hashlib
from pathlib import Path

from knowledge.errors import KnowledgeError
from knowledge.retrieval.manifest import FileRecord, Manifest

_SMALL = 1 << 17


def check_file(folder: Path, manifest: Manifest, name: str) -> Path:
    """The path of a file that is as it was published.

    Raises:
        KnowledgeError: It is missing or changed.
    """
    record = manifest.files.get(name)
    if record is None:
        raise damaged(folder, f"{name} is not in its manifest")
    try:
        if (folder / name).stat().st_size != record.bytes:
            raise damaged(folder, f"the length of {name} differs")
        if file_record(folder / name) != record:
            raise damaged(folder, f"the checksum of {name} differs")
    except OSError as error:
        raise damaged(folder, f"{name} cannot be read: {error.strerror}") from error
    return folder / name


def check_lengths(folder: Path, manifest: Manifest) -> None:
    """A quick look at every file, for what is opened without reading all of it.

    Raises:
        KnowledgeError: One is missing or has another length.
    """
    for name, record in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != record.bytes:
            raise damaged(folder, f"{name} is missing or has another length")


def check_small(folder: Path, manifest: Manifest) -> None:
    """Compare what is small with its checksum: a millisecond, whatever the size of the index.

    Raises:
        KnowledgeError: A file is damaged.
    """
    for name, record in manifest.files.items():
        if record.bytes <= _SMALL and not name.startswith("dense/"):  # those are compared where they are read
            check_file(folder, manifest, name)


def damaged(folder: Path, why: str) -> KnowledgeError:
    """The error for a version that is not as it was published."""
    return KnowledgeError(
        f"The index version in {folder} is damaged ({why}): roll back to another version or build it again."
    )


def file_record(path: Path) -> FileRecord:
    """Checksum and length as they are now."""
    with path.open("rb") as file:
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
