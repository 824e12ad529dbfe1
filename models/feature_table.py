"""A matrix whose rows and columns have names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.files import replacing


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Vectors by image id.

    Attributes:
        ids: `(n,)`, each once.
        columns: `(d,)` names (feature numbers, or concept ids for scores).
        values: `(n, d) float32`.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.ids), len(self.columns)):
            message = (
                f"values are {self.values.shape} for {len(self.ids)} ids and {len(self.columns)} columns"
            )
            raise ValueError(message)
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("an id stands twice in a feature table")

    def rows(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Vectors `(n, d) float32` of some ids, in their order.

        Raises:
            ModelsError: An id without a vector.
        """
        place = {image: row for row, image in enumerate(self.ids)}
        absent = [image for image in ids if image not in place]
        if absent:
            message = (
                f"{len(absent)} of {len(ids)} images have no features (first {absent[0]}); encode them first"
            )
            raise ModelsError(message)
        return self.values[[place[image] for image in ids]]

    def save(self, path: Path) -> None:
        """Write an npz file of plain arrays; equal tables give equal bytes."""
        with replacing(path) as file:
            np.savez(file, ids=np.array(self.ids), columns=np.array(self.columns), values=self.values)

    @classmethod
    def load(cls, path: Path) -> "FeatureTable":
        """Read what `save` wrote; stored objects, which could run code, are refused.

        Raises:
            ModelsError: No such file, or not a feature table.
        """
        if not path.is_file():
            raise ModelsError(f"there are no features at {path}; encode the images first")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                ids, columns, values = (arrays[name] for name in ("ids", "columns", "values"))
                return cls(
                    tuple(ids.tolist()), tuple(columns.tolist()), values.astype(np.float32, copy=False)
                )
        except (ValueError, KeyError, EOFError, OSError, BadZipFile, AttributeError) as error:
            raise ModelsError(f"{path} is not a feature table ({error}); encode the images again") from error
