"""PNG, JPEG and TIFF as upright images of 8 bits."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models.errors import ModelsError
from models.images.quiet import keep_libraries_quiet
from models.row_blocks import FEW_VALUES, row_slices

FORMATS = ("PNG", "JPEG", "TIFF")
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PHOTOMETRIC, BITS_PER_SAMPLE, WHITE_IS_ZERO = 262, 258, 0  # TIFF 6.0, section 8


def is_picture(data: bytes) -> bool:
    """Whether the file begins as a PNG, JPEG or TIFF does."""
    return data.startswith(SIGNATURES)


def decode_picture(data: bytes, *, name: str, maximum_pixels: int) -> Image.Image:
    """The one image of a file, grey (mode L) or RGB.

    Raises:
        ModelsError: Damaged, more than `maximum_pixels`, several pages or frames.
    """
    keep_libraries_quiet()
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            require_size(image, name=name, maximum_pixels=maximum_pixels)
            require_single(image, name=name)
            image.load()
            top, dark_is_high = wide_scale(image)
            ImageOps.exif_transpose(image, in_place=True)
            return to_8_bits(image, top=top, dark_is_high=dark_is_high)
    except ModelsError:
        raise
    except Image.DecompressionBombError as error:
        message = f"{name} has far more pixels than the limit of {maximum_pixels:,}; scale it down"
        raise ModelsError(message) from error
    except Exception as error:  # a decoder may throw anything at foreign bytes
        message = f"{name} is damaged or cut short ({cause(error)}); fetch it again or leave it out"
        raise ModelsError(message) from error


def cause(error: Exception) -> str:
    """What a decoder says, where it is meant to be read."""
    return str(error) if isinstance(error, OSError | SyntaxError) else type(error).__name__


def require_size(image: Image.Image, *, name: str, maximum_pixels: int) -> None:
    """Refuse what the header claims before it is decoded."""
    width, height = image.size
    if width * height > maximum_pixels:
        message = f"{name} has {width} x {height} pixels, the limit is {maximum_pixels:,}; scale it down"
        raise ModelsError(message)


def require_single(image: Image.Image, *, name: str) -> None:
    """Refuse several pages or frames.

    What else a phone stores in a JPEG (MPO: a depth map, a preview) is no second image.
    """
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise ModelsError(f"{name} holds {frames} images; save each that is meant as a file of its own")


def wide_scale(image: Image.Image) -> tuple[int, bool]:
    """The highest value of more than 8 bits, and whether it means black, as a TIFF says."""
    tags = getattr(image, "tag_v2", {})
    bits = max(tags.get(BITS_PER_SAMPLE, (16,)))
    return (2**bits - 1 if 8 < bits < 16 else 65535), tags.get(PHOTOMETRIC) == WHITE_IS_ZERO


def to_8_bits(image: Image.Image, *, top: int = 65535, dark_is_high: bool = False) -> Image.Image:
    """Any Pillow image as 8-bit grey or RGB."""
    if image.mode[0] in "IF":
        grey = to_bytes(np.asarray(image), top=top)
        return Image.fromarray(255 - grey if dark_is_high else grey)
    if image.mode == "L" and not image.has_transparency_data:
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def to_bytes(values: NDArray[np.generic], *, top: int) -> NDArray[np.uint8]:
    """Wide values as 8 bits.

    Whole numbers are a share of `top`, fractions a share of 1. Where they leave that range nothing says what
    black and white are, so they are the lowest and the highest value of the image. A few are worked out at a
    time, for wide numbers of all would take many times the memory of the image.
    """
    flat = values.reshape(-1, 1)
    parts = list(row_slices(flat, at_once=FEW_VALUES))
    found = np.empty(flat.shape, dtype=np.uint8)
    if values.dtype.kind == "u":
        for rows in parts:
            found[rows] = (flat[rows].astype(np.uint32) * 255 + top // 2) // top
        return found.reshape(values.shape)
    low, high = 0.0, float(top if values.dtype.kind == "i" else 1)
    lowest = min(float(finite(flat[rows]).min()) for rows in parts)
    highest = max(float(finite(flat[rows]).max()) for rows in parts)
    if lowest < low or highest > high:
        low, high = lowest, highest
    for rows in parts:
        found[rows] = np.rint((finite(flat[rows]) - low) / ((high - low) or 1.0) * 255)
    return found.reshape(values.shape)


def finite(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """With 0 for what is no number."""
    return np.nan_to_num(values.astype(np.float64), nan=0, posinf=0, neginf=0)
