"""Takes from a DICOM data set the numbers and tables that the display of its pixels needs."""

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from models.images.dicom_display import Display, Rescale, Table, Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LONGEST_TABLE = 65536


def number(dataset: "Dataset", keyword: str) -> float:
    """The first value of an element; NaN where it is absent, empty or no number."""
    try:
        value: Any = dataset.get(keyword)
        first = value if isinstance(value, int | float | str) else value[0]
        return float(first)
    except Exception:  # noqa: BLE001  # pydicom converts a value when it is asked for, and throws anything
        return math.nan


def whole_number(dataset: "Dataset", keyword: str) -> int | None:
    """The first value of an element as an integer; None where it is none."""
    value = number(dataset, keyword)
    return int(value) if math.isfinite(value) else None


def present(dataset: "Dataset", keyword: str) -> bool:
    """Whether an element is there and not empty; what cannot be converted is there."""
    try:
        value: Any = dataset.get(keyword)
    except Exception:  # noqa: BLE001  # as above
        return True
    return value is not None and not (hasattr(value, "__len__") and len(value) == 0)


def stored_bits(dataset: "Dataset") -> int:
    """Bits of a value."""
    allocated = int(dataset.BitsAllocated)
    stored = whole_number(dataset, "BitsStored") or allocated
    return min(max(stored, 1), allocated)


def is_signed(dataset: "Dataset") -> bool:
    """Whether values are two's complement."""
    return whole_number(dataset, "PixelRepresentation") == 1


def corrected_bits(pixels: NDArray[np.integer], dataset: "Dataset") -> NDArray[np.integer]:
    """Uncompressed values without the bits beside theirs, where old files keep overlays (PS3.5, 8.1.1)."""
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated or dataset.BitsAllocated == 1:
        return pixels
    width, stored = 8 * pixels.dtype.itemsize, stored_bits(dataset)
    high = whole_number(dataset, "HighBit")
    high = stored - 1 if high is None or not stored - 1 <= high < width else high
    if stored == width:
        return pixels
    placed = np.left_shift(pixels, width - 1 - high)
    return cast("NDArray[np.integer]", np.right_shift(placed, width - stored, out=placed))


def padding_of(pixels: NDArray[np.integer], dataset: "Dataset") -> NDArray[np.bool_] | None:
    """Which pixels `(h, w)` only fill the rectangle (PS3.3, C.7.5.1.1.2); None where the file names none."""
    value = whole_number(dataset, "PixelPaddingValue")
    if value is None or pixels.ndim != 2:
        return None
    limit = whole_number(dataset, "PixelPaddingRangeLimit")
    ends = [as_stored(end, pixels.dtype) for end in (value, value if limit is None else limit)]
    return (pixels >= min(ends)) & (pixels <= max(ends))


def as_stored(value: int, kind: np.dtype[Any]) -> int:
    """A value whose sign was written another way than that of the pixels."""
    bits = 8 * kind.itemsize
    value %= 1 << bits
    return value - (1 << bits) if kind.kind == "i" and value >= 1 << (bits - 1) else value


def display_of(dataset: "Dataset") -> Display:
    """What stands between stored values and the screen."""
    bits, signed = stored_bits(dataset), is_signed(dataset)
    windowed = present(dataset, "WindowCenter") and present(dataset, "WindowWidth")
    return Display(
        lowest=-(1 << (bits - 1)) if signed else 0,
        bits=bits,
        modality=item_table(dataset, "ModalityLUTSequence") or rescale_of(dataset),
        voi=item_table(dataset, "VOILUTSequence"),
        window=window_of(dataset) if windowed else None,
        inverted=dataset.PhotometricInterpretation == "MONOCHROME1",
    )


def rescale_of(dataset: "Dataset") -> Rescale:
    """Slope and intercept; one that is absent or senseless does nothing."""
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    usable = math.isfinite(slope) and slope != 0
    return Rescale(slope if usable else 1.0, intercept if math.isfinite(intercept) else 0.0)


def window_of(dataset: "Dataset") -> Window:
    """The first window; NaN in place of what is no number."""
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    return Window(number(dataset, "WindowCenter"), number(dataset, "WindowWidth"), function)


def item_table(dataset: "Dataset", keyword: str) -> Table | None:
    """The first table of a sequence; None where there is none that can be used."""
    try:
        items: Any = dataset.get(keyword)
        return table_of(items[0], "LUT", little=is_little(dataset)) if items else None
    except Exception:  # noqa: BLE001  # a broken table is passed over like an absent one
        return None


def palette_of(dataset: "Dataset") -> tuple[Table, Table, Table]:
    """Red, green and blue."""
    red, green, blue = (
        table_of(dataset, f"{colour}PaletteColorLookupTable", little=is_little(dataset))
        for colour in ("Red", "Green", "Blue")
    )
    return red, green, blue


def is_little(dataset: "Dataset") -> bool:
    """Order of the bytes of a table given as bytes."""
    return str(dataset.file_meta.TransferSyntaxUID) != "1.2.840.10008.1.2.2"


def table_of(dataset: "Dataset", prefix: str, *, little: bool) -> Table:
    """A lookup table, its entries as words or as bytes whatever the file says (PS3.3, C.11.1.1.1)."""
    descriptor: Any = dataset[f"{prefix}Descriptor"].value
    entries, first, bits = (int(value) for value in descriptor)
    entries = entries % LONGEST_TABLE or LONGEST_TABLE
    data: Any = dataset[f"{prefix}Data"].value
    if isinstance(data, bytes):
        words = len(data) >= 2 * entries
        values = np.frombuffer(data, dtype=f"{'<' if little else '>'}u2" if words else "u1", count=-1)
    else:
        values = np.atleast_1d(np.asarray(data)).astype(np.int64) % LONGEST_TABLE
    values = values[:entries].astype(np.int64)
    if not len(values):
        raise ValueError("an empty table")
    return Table(first, values, min(max(bits, 1), 16))
