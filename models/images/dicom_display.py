"""From stored values of a DICOM image to 8 bits (PS3.3, C.11.1 and C.11.2; PS3.4, N.2): arithmetic alone."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.row_blocks import FEW_VALUES, row_slices

Numbers = NDArray[np.float64]

PERCENTILES = (0.005, 0.995)  # the range shown where a window is broken: a few stray pixels do not count
WIDEST_TABLE = 1 << 20  # more distinct values than this are looked up by search
KEPT_BITS = 8  # values of so many bits are shown as they are where nothing says otherwise


@dataclass(frozen=True, slots=True)
class Rescale:
    """`slope * value + intercept`."""

    slope: float
    intercept: float

    def apply(self, values: Numbers) -> Numbers:
        """In the modality's unit."""
        scaled: Numbers = values * self.slope + self.intercept
        return scaled


@dataclass(frozen=True, slots=True)
class Table:
    """A lookup table.

    Attributes:
        first: The value that has the first entry; lower ones have it too, higher ones have the last.
        values: `(n,)` entries.
        bits: Of an entry, as the file says.
    """

    first: int
    values: NDArray[np.int64]
    bits: int

    def apply(self, values: Numbers) -> Numbers:
        """The entry of each value."""
        first = self.first - 65536 if self.first > 32767 and values.min(initial=0) < 0 else self.first
        places = np.clip(np.rint(values) - first, 0, len(self.values) - 1).astype(np.int64)
        entries: Numbers = self.values[places].astype(np.float64)
        return entries

    def shares(self, values: Numbers) -> Numbers:
        """Entries as a share of the highest possible, or of the highest there where that is more."""
        return self.apply(values) / max((1 << self.bits) - 1, int(self.values.max()))


@dataclass(frozen=True, slots=True)
class Window:
    """What part of the range is shown.

    Attributes:
        center: In the modality's unit; NaN where the file has no number.
        width: As well.
        function: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`; any other counts as the first.
    """

    center: float
    width: float
    function: str = "LINEAR"

    def ends(self) -> tuple[float, float] | None:
        """Below the first all is black, above the second white; None for a window without meaning.

        A sigmoid has no ends; those of its steepest part stand for them.
        """
        exact = self.function in {"LINEAR_EXACT", "SIGMOID"}
        if not (math.isfinite(self.center) and math.isfinite(self.width)):
            return None
        if self.width < (0 if exact else 1) or (exact and self.width == 0):
            return None
        half, center = (self.width / 2, self.center) if exact else ((self.width - 1) / 2, self.center - 0.5)
        return center - half, center + half

    def shares(self, values: Numbers) -> Numbers:
        """From 0 to 1 (C.11.2.1.2 and C.11.2.1.3)."""
        if self.function == "SIGMOID":
            power = np.clip(-4 * (values - self.center) / self.width, -500, 500)
            return 1 / (1 + np.exp(power))
        ends = self.ends()
        assert ends is not None, "asked for only where the window has a meaning"
        return between(values, *ends)


@dataclass(frozen=True, slots=True)
class Display:
    """What stands between stored values and the screen.

    Attributes:
        lowest: The lowest value that can be stored.
        bits: Of a stored value.
        modality: To the modality's unit.
        voi: A table from there to grey; None where there is none.
        window: None where the file has none; it is used where there is no table.
        inverted: Whether the lowest value is white.
    """

    lowest: int
    bits: int
    modality: Rescale | Table
    voi: Table | None
    window: Window | None
    inverted: bool

    def bytes_of(self, levels: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Grey of each stored value, given how many pixels of the image have it.

        Shapes: levels: `(n,)` ascending; counts: `(n,)`; result: `(n,)`.
        """
        shares = self.shares(self.modality.apply(levels.astype(np.float64)), counts)
        return np.rint(255 * (1 - shares if self.inverted else shares)).astype(np.uint8)

    def shares(self, values: Numbers, counts: NDArray[np.integer]) -> Numbers:
        """Table, else window, else the range of the image."""
        if self.voi is not None:
            return self.voi.shares(values)
        if not counts.any():
            return np.zeros_like(values)
        seen = values[counts > 0]
        if self.window is None:
            return between(values, *self.whole_range(seen))
        ends = self.window.ends()
        if ends is None or seen.max() <= ends[0] or seen.min() >= ends[1]:  # all black or all white
            return between(values, *middle_range(values, counts))
        return self.window.shares(values)

    def whole_range(self, seen: Numbers) -> tuple[float, float]:
        """What 8 bits can store, else what the image has: of 16 bits a detector often uses 10 or 12."""
        if self.bits <= KEPT_BITS:
            seen = self.modality.apply(
                np.array([self.lowest, self.lowest + (1 << self.bits) - 1], dtype=float)
            )
        return float(seen.min()), float(seen.max())


def between(values: Numbers, low: float, high: float) -> Numbers:
    """Share of the way from low to high, 0 and 1 beyond; a range of one value is a step above it."""
    if high <= low:
        return (values > low).astype(np.float64)
    return np.clip((values - low) / (high - low), 0, 1)


def middle_range(values: Numbers, counts: NDArray[np.integer]) -> tuple[float, float]:
    """The values at both percentiles of an image; all of them where these are one value."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(counts[order]) / counts.sum()
    low, high = (float(values[order][np.searchsorted(shares, share)]) for share in PERCENTILES)
    seen = values[counts > 0]
    return (low, high) if low < high else (float(seen.min()), float(seen.max()))


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The distinct values of an image, each of which is worked out once.

    Attributes:
        values: `(n,)` ascending; they hold all pixels, and where they are few all between.
        gapless: Whether none between the lowest and the highest is left out.
    """

    values: NDArray[np.integer]
    gapless: bool

    @classmethod
    def of(cls, pixels: NDArray[np.integer]) -> "Levels":
        """Those of stored values `(h, w)`."""
        low, high = int(pixels.min()), int(pixels.max())
        if high - low < WIDEST_TABLE:
            return cls(np.arange(low, high + 1), gapless=True)
        found = [np.unique(pixels[rows]) for rows in row_slices(pixels, at_once=FEW_VALUES)]
        return cls(np.unique(np.concatenate(found)), gapless=False)

    def places(self, pixels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Of each pixel among the values."""
        if self.gapless:
            return pixels.astype(np.int64) - int(self.values[0])
        return np.searchsorted(self.values, pixels)

    def counts(self, pixels: NDArray[np.integer], padding: NDArray[np.bool_] | None) -> NDArray[np.integer]:
        """How many pixels `(h, w)` have each value `(n,)`, padding left out."""
        found = np.zeros(len(self.values), dtype=np.int64)
        for rows in row_slices(pixels, at_once=FEW_VALUES):
            counted = pixels[rows] if padding is None else pixels[rows][~padding[rows]]
            found += np.bincount(self.places(counted).ravel(), minlength=len(found))
        return found

    def looked_up(self, pixels: NDArray[np.integer], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The entry of each pixel: `(h, w)` from a table `(n,)`, `(h, w, 3)` from `(n, 3)`."""
        found = np.empty((*pixels.shape, *table.shape[1:]), dtype=np.uint8)
        for rows in row_slices(pixels, at_once=FEW_VALUES):
            found[rows] = table[self.places(pixels[rows])]
        return found


def grey_image(
    pixels: NDArray[np.integer], *, padding: NDArray[np.bool_] | None, display: Display
) -> Image.Image:
    """A grey image from `(h, w)` stored values; padding is black and counts for no range.

    Every distinct value is worked out once, which is faster and smaller than floats of the image's size.
    """
    levels = Levels.of(pixels)
    grey = levels.looked_up(pixels, display.bytes_of(levels.values, levels.counts(pixels, padding)))
    if padding is not None:
        grey[padding] = 0
    return Image.fromarray(grey)


def palette_image(pixels: NDArray[np.integer], palette: tuple[Table, Table, Table]) -> Image.Image:
    """Colours of `(h, w)` indices; entries of more than 8 bits give their high byte."""
    levels = Levels.of(pixels)
    channels = []
    for table in palette:
        entries = table.apply(levels.values.astype(np.float64)).astype(np.int64)
        channels.append(entries >> 8 if table.values.max() > 255 else entries)
    return Image.fromarray(levels.looked_up(pixels, np.stack(channels, axis=-1).astype(np.uint8)))


def colour_image(pixels: NDArray[np.integer], *, bits: int) -> Image.Image:
    """`(h, w, 3)` of 8 bits as they are, of more as a share of the highest."""
    if bits <= KEPT_BITS:
        return Image.fromarray(pixels.astype(np.uint8, copy=False))
    top = (1 << bits) - 1
    shown = np.empty(pixels.shape, dtype=np.uint8)
    for rows in row_slices(pixels, at_once=FEW_VALUES):
        shown[rows] = (np.clip(pixels[rows].astype(np.int64), 0, top) * 255 + top // 2) // top
    return Image.fromarray(shown)
