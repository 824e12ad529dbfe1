"""One image of a data set, and how its pixels are read."""

import hashlib
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import ModelsError

FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpg", ".jpeg")
MAXIMUM_PIXELS = 64_000_000  # 8,000 x 8,000; a file of a few kB can claim far more and fill the memory
UNREADABLE = (OSError, SyntaxError, ValueError, IndexError, EOFError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of an image.

    Attributes:
        id: `<data set>/<image id>`, unique in a run.
        path: Where the pixels are.
        label: Class name; None where unknown.
        attributes: Declared columns by name (domain attributes, expert concept columns); missing values are
            left out, never empty strings.
        patient: Patient (or study, case, lesion) id that must not straddle parts of a split; None if unknown.
        report: Free text about the image; None if there is none. Never logged.
    """

    id: str
    path: Path
    label: str | None
    attributes: Mapping[str, str]
    patient: str | None = None
    report: str | None = None


def open_image(path: Path, *, maximum_pixels: int = MAXIMUM_PIXELS) -> Image.Image:
    """The whole image in memory: RGB, 8 bits, upright.

    Grey images get three equal channels (16 bits are scaled by 1/257), transparent ones lie on black, and the
    orientation stored by a camera is applied.

    Raises:
        ModelsError: No such file, not a PNG or JPEG, damaged, or more than `maximum_pixels`.
    """
    return decode_image(read_bytes(path), name=str(path), maximum_pixels=maximum_pixels)


def decode_image(data: bytes, *, name: str, maximum_pixels: int = MAXIMUM_PIXELS) -> Image.Image:
    """Like `open_image`, from the bytes of a file; `name` stands in the messages."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height <= maximum_pixels:
                return to_rgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        message = f"{name} has far more pixels than the limit of {maximum_pixels:,}; scale it down"
        raise ModelsError(message) from error
    except UnidentifiedImageError as error:
        raise ModelsError(f"{name} is not a PNG or JPEG image; convert it or leave it out") from error
    except UNREADABLE as error:
        message = f"{name} is damaged or cut short ({error}); fetch it again or leave it out"
        raise ModelsError(message) from error
    raise ModelsError(f"{name} has {width} x {height} pixels, the limit is {maximum_pixels:,}; scale it down")


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow image as 8-bit RGB."""
    if image.mode.startswith("I"):
        wide = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def image_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex: equal for equal files wherever they lie."""
    return bytes_digest(read_bytes(path))


def bytes_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(path: Path) -> bytes:
    """The file's bytes, or a ModelsError that names it."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelsError(f"there is no image at {path}; check the path in the manifest") from error
    except OSError as error:
        raise ModelsError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def require_unique_ids(records: Iterable[ImageRecord]) -> None:
    """Refuse two images of one id, as two manifests of one name would give."""
    twice = [image for image, count in Counter(record.id for record in records).items() if count > 1]
    if twice:
        message = f"{len(twice)} image ids occur twice (first {twice[0]}); name each manifest differently"
        raise ModelsError(message)
