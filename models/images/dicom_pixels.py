"""Decodes the pixels of a DICOM file, compressed ones by the plug-in chosen for their transfer syntax."""

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.images.codestream import codestream_sizes, is_plain_lossless
from models.images.run_lengths import unpacks_to_more
from models.row_blocks import FEW_VALUES, row_slices

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PLUGINS = {
    "1.2.840.10008.1.2.4.50": ("pillow", "pillow"),  # JPEG baseline
    "1.2.840.10008.1.2.4.51": ("pillow", "pillow"),  # JPEG extended, 8 bits
    "1.2.840.10008.1.2.4.57": ("gdcm", "python-gdcm"),  # JPEG lossless
    "1.2.840.10008.1.2.4.70": ("gdcm", "python-gdcm"),  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": ("pyjpegls", "pyjpegls"),  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": ("pyjpegls", "pyjpegls"),  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": ("pylibjpeg", "pylibjpeg-openjpeg"),  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": ("pylibjpeg", "pylibjpeg-openjpeg"),  # JPEG 2000
    "1.2.840.10008.1.2.4.201": ("pylibjpeg", "pylibjpeg-openjpeg"),  # High-Throughput JPEG 2000, three kinds
    "1.2.840.10008.1.2.4.202": ("pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.203": ("pylibjpeg", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.5": ("pydicom", "pydicom"),  # RLE
}
"""pydicom's name of the plug-in and the package that brings it, by transfer syntax.

One each, so that a file has the same pixels wherever it is read; all are permissively licensed.
"""
UNCOMPRESSED = {
    "1.2.840.10008.1.2",  # implicit VR, little endian
    "1.2.840.10008.1.2.1",  # explicit VR, little endian; also what was deflated
    "1.2.840.10008.1.2.2",  # explicit VR, big endian
}
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
RLE = "1.2.840.10008.1.2.5"
LUMINANCE = ("YBR_FULL", "YBR_FULL_422")


def require_decoder(dataset: "Dataset", *, name: str) -> None:
    """Refuse a transfer syntax that nothing installed decodes."""
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415

    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in PLUGINS:
        plugin, package = PLUGINS[syntax]
        if plugin not in get_decoder(syntax).available_plugins:
            message = (
                f"{name} is compressed with {syntax.name}; install its decoder with `pip install {package}`"
            )
            raise ModelsError(message)
        if syntax == JPEG_EXTENDED and dataset.get("BitsStored") != 8:  # no permissively licensed decoder
            raise ModelsError(f"{name} is compressed as 12-bit JPEG, which is not read; decompress it first")
    elif syntax not in UNCOMPRESSED:
        kind = "an unknown transfer syntax" if syntax.name == str(syntax) else syntax.name
        raise ModelsError(f"{name} is compressed with {kind}, which is not read; decompress it first")


def decode_pixels(dataset: "Dataset", *, name: str) -> NDArray[np.integer]:
    """Stored values `(h, w)`, or `(h, w, 3)` as RGB; unused bits of uncompressed ones are still there.

    Uncompressed ones are no copy, and cannot be written to.
    """
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415
    from pydicom.pixels.utils import as_pixel_options  # noqa: PLC0415

    syntax = dataset.file_meta.TransferSyntaxUID
    plugin, _ = PLUGINS.get(syntax, ("", ""))
    if plugin:
        require_same_size(dataset, name=name)
    silence_gdcm(plugin)
    kept_as_stored = {} if plugin else {"view_only": True, "correct_unused_bits": False}
    options = as_pixel_options(dataset, **kept_as_stored)
    pixels, about = get_decoder(syntax).as_array(
        dataset, index=0, raw=True, decoding_plugin=plugin, **options
    )
    return as_rgb(pixels) if about["photometric_interpretation"] in LUMINANCE else pixels


def as_rgb(pixels: NDArray[np.integer]) -> NDArray[np.integer]:
    """Luminance and chrominance `(h, w, 3)` as RGB; a few rows at a time, for floats of them are large."""
    from pydicom.pixels.processing import convert_color_space  # noqa: PLC0415

    found = np.empty(pixels.shape, dtype=pixels.dtype)
    for rows in row_slices(pixels, at_once=FEW_VALUES):
        found[rows] = convert_color_space(pixels[rows], "YBR_FULL", "RGB")
    return found


def silence_gdcm(plugin: str) -> None:
    """GDCM would print to the terminal from C++."""
    if plugin == "gdcm":
        gdcm = import_module("gdcm")
        gdcm.Trace.WarningOff()
        gdcm.Trace.ErrorOff()


def require_same_size(dataset: "Dataset", *, name: str) -> None:
    """Refuse compressed data of another size than the file states: a decoder fills memory by theirs."""
    from pydicom.encaps import get_frame  # noqa: PLC0415

    stated = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    syntax = dataset.file_meta.TransferSyntaxUID
    plugin, _ = PLUGINS[syntax]
    if plugin == "gdcm" and not is_plain_lossless(frame):
        raise ModelsError(f"{name} holds a lossless JPEG of an unusual kind; decompress it first")
    if syntax == RLE:
        differs = unpacks_to_more(frame, dataset.Rows * dataset.Columns)
    else:
        differs = any(size != stated for size in (codestream_sizes(frame) or [(0, 0, 0)]))
    if differs:
        message = f"{name} is damaged: its compressed image has another size than it states"
        raise ModelsError(f"{message}; fetch it again or leave it out")
