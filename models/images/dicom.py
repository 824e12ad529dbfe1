"""DICOM files as pictures: only pixels leave, and nothing that names a patient is read."""

from typing import TYPE_CHECKING

from PIL import Image

from models.errors import ModelsError
from models.images.dicom_display import colour_image, grey_image, palette_image
from models.images.dicom_file import read_tags, require_size
from models.images.dicom_pixels import decode_pixels, require_decoder
from models.images.dicom_values import (
    corrected_bits,
    display_of,
    padding_of,
    palette_of,
    stored_bits,
)
from models.images.quiet import keep_libraries_quiet

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

GREY, PALETTE = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR"
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def decode_dicom(data: bytes, *, name: str, maximum_pixels: int) -> Image.Image:
    """The picture as a viewer would first show it: modality LUT, then VOI LUT or window, then the palette.

    No message of pydicom is passed on and no exception of it is chained, since they may quote a tag.

    Raises:
        ModelsError: pydicom or a plug-in is missing, or the file is damaged, has no pixels or too many,
            several frames, or a colour space that is not read.
    """
    require_pydicom(name)
    keep_libraries_quiet()
    try:
        dataset = read_tags(data, name=name, maximum_pixels=maximum_pixels)
        require_one_image(dataset, name=name, maximum_pixels=maximum_pixels)
        return shown(dataset, name=name)
    except ModelsError:
        raise
    except Exception as error:  # noqa: BLE001  # pydicom and its plug-ins throw anything at foreign bytes
        kind = type(error).__name__
    raise ModelsError(
        f"{name} is damaged or cut short ({kind} in the DICOM data); fetch it again or leave it out"
    )


def require_pydicom(name: str) -> None:
    """The optional part that reads DICOM."""
    try:
        import pydicom  # noqa: F401, PLC0415
    except ImportError as error:
        raise ModelsError(
            f"{name} is a DICOM file; install its reader with `pip install 'knobo[dicom]'`"
        ) from error


def require_one_image(dataset: "Dataset", *, name: str, maximum_pixels: int) -> None:
    """Refuse what cannot be one picture, before anything is decoded."""
    if "PixelData" not in dataset:
        raise ModelsError(f"{name} is a DICOM file without pixel data; leave it out")
    if require_size(dataset, name=name, maximum_pixels=maximum_pixels) < 1:
        raise ModelsError(
            f"{name} is damaged: it does not say how large its image is; fetch it again or leave it out"
        )
    if dataset.get("PhotometricInterpretation") not in (*GREY, PALETTE, *COLOUR):
        raise ModelsError(f"{name} has a colour space that is not read; convert it to RGB or MONOCHROME2")
    if (
        dataset.get("PhotometricInterpretation") == PALETTE
        and "RedPaletteColorLookupTableData" not in dataset
    ):
        raise ModelsError(f"{name} has no palette, or one in segments, which is not read; convert it to RGB")
    require_decoder(dataset, name=name)


def shown(dataset: "Dataset", *, name: str) -> Image.Image:
    """Decoded and brought to 8 bits."""
    space = dataset.PhotometricInterpretation
    pixels = decode_pixels(dataset, name=name)
    if pixels.ndim != (3 if space in COLOUR else 2):
        raise ModelsError(
            f"{name} is damaged: {space} does not fit its pixels; fetch it again or leave it out"
        )
    del dataset.PixelData  # whatever is made of them lies beside them otherwise
    padding = padding_of(pixels, dataset)
    pixels = corrected_bits(pixels, dataset)
    if space in COLOUR:
        return colour_image(pixels, bits=stored_bits(dataset))
    if space == PALETTE:
        return palette_image(pixels, palette_of(dataset))
    return grey_image(pixels, padding=padding, display=display_of(dataset))
