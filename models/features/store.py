"""Keeps every vector ever computed, by encoder and image content, safe against kills and other processes."""

import re
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelsError
from models.features.vector_file import ROWS, VectorFile

__all__ = ["FeatureStore", "Holding", "VectorFile"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What the store has of one encoder.

    Attributes:
        encoder: Its digest.
        vectors: Images with a vector.
        dimension: Length of a vector.
        bytes: On disk.
        changed: When a vector was last added or dropped, in seconds since 1970.
    """

    encoder: str
    vectors: int
    dimension: int
    bytes: int
    changed: float


class FeatureStore:
    """A folder with one `VectorFile` for each encoder.

    Args:
        directory: Made where it does not exist; may be shared by runs and processes.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def vectors(self, encoder_digest: str, *, dimension: int) -> VectorFile:
        """The vectors of one encoder, made where there are none yet."""
        if not re.fullmatch(r"[\w-]{1,128}", encoder_digest):
            raise ValueError(f"{encoder_digest!r} cannot name a folder")
        return VectorFile.create(self.directory / encoder_digest, dimension=dimension)

    def holdings(self) -> tuple[Holding, ...]:
        """What there is, encoders with most bytes first; those without any vector are left out."""
        files = [self.existing(folder.parent.name) for folder in sorted(self.directory.glob(f"*/{ROWS}"))]
        found = [
            Holding(file.folder.name, file.count(), file.dimension, file.size(), file.changed())
            for file in files
        ]
        return tuple(sorted((each for each in found if each.vectors), key=lambda each: -each.bytes))

    def existing(self, encoder: str) -> VectorFile:
        """The vectors of an encoder by its digest or the beginning of it.

        Raises:
            ModelsError: No encoder or several begin so.
        """
        names = sorted(path.parent.name for path in self.directory.glob(f"*/{ROWS}"))
        fitting = [name for name in names if name.startswith(encoder)]
        if len(fitting) != 1 and encoder not in fitting:
            known = ", ".join(name[:12] for name in names) or "none"
            message = f"{len(fitting)} encoders in {self.directory} begin with {encoder!r}; it has {known}"
            raise ModelsError(message)
        return VectorFile.open(self.directory / (encoder if encoder in fitting else fitting[0]))
