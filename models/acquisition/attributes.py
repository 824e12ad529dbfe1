"""What is known of how images were taken: attributes such as view or scanner, as numbered levels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError

UNKNOWN = -1

Values = Mapping[str, Sequence[str | None]]  # by attribute one value an image, None (or "") where unknown


@dataclass(frozen=True, slots=True, eq=False)
class Acquisition:
    """One attribute of `n` images.

    Attributes:
        name: Of the attribute.
        levels: `(l,)` values with enough images, sorted.
        codes: `(n,) int64` number of the level; -1 where the value is unknown or too rare.
        rare: Values with too few images; treated as unknown.
    """

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    rare: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, values: Sequence[str | None], *, minimum: int) -> "Acquisition":
        """From one value an image; a level needs `minimum` images.

        A missing value is no level: what is missing from a header says how the file was kept, and is left as
        it is rather than counted as a fact about the image.

        Raises:
            ModelsError: Fewer than two levels.
        """
        given = np.array([value or "" for value in values], dtype=np.str_)
        found, number, counts = np.unique(given, return_inverse=True, return_counts=True)
        kept = [row for row in range(len(found)) if found[row] and counts[row] >= minimum]
        if len(kept) < 2:
            raise ModelsError(
                f"the attribute {name!r} has {len(kept)} values with at least {minimum} of the {len(given)} "
                "images each and needs two; leave it out, or give more images that state it"
            )
        code = np.full(len(found), UNKNOWN, dtype=np.int64)
        code[kept] = np.arange(len(kept))
        rare = tuple(str(found[row]) for row in range(len(found)) if found[row] and row not in kept)
        return cls(name, tuple(str(found[row]) for row in kept), code[number], rare)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Images whose level is known, `(n,)`."""
        return np.asarray(self.codes != UNKNOWN)

    def indicators(self, rows: slice = slice(None)) -> NDArray[np.float64]:
        """One column a level, `(n, l)`, of some of the images; rows of zeros where it is unknown."""
        return np.asarray(self.codes[rows, None] == np.arange(len(self.levels)), dtype=np.float64)


def acquisitions(values: Values, *, images: int, minimum: int) -> tuple[Acquisition, ...]:
    """Each attribute of `images` images.

    Raises:
        ModelsError: No attribute, another number of values than images, or fewer than two levels.
    """
    if not values:
        raise ModelsError("no acquisition attribute was named; name at least one")
    for name, column in values.items():
        if len(column) != images:
            raise ModelsError(
                f"{len(column)} values of {name!r} were given for {images} images; give one each"
            )
    return tuple(Acquisition.of(name, column, minimum=minimum) for name, column in values.items())


def collect(records: Iterable[Mapping[str, str]], names: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """Columns by attribute from the attributes of each image."""
    rows = tuple(records)
    return {name: tuple(row.get(name) for row in rows) for name in names}


def shuffled(values: Values, *, seed: int) -> dict[str, tuple[str | None, ...]]:
    """The control: the same rows of values dealt to other images.

    Levels, their numbers, the missing ones and what the attributes tell of each other stay as they are; what
    they tell of the images is gone.
    """
    lengths = {len(column) for column in values.values()}
    order = np.random.default_rng(seed).permutation(max(lengths, default=0)).tolist()
    return {name: tuple(column[row] for row in order) for name, column in values.items()}
