"""Opens an image whatever its format, told by its content."""

from pathlib import Path

from PIL import Image

from models.errors import ModelsError
from models.images.content import read_bytes
from models.images.dicom import decode_dicom
from models.images.dicom_file import has_dicom_preamble
from models.images.picture import decode_picture, is_picture

DICOM_SUFFIXES = (".dcm", ".dicom")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", *DICOM_SUFFIXES)
MAXIMUM_PIXELS = 64_000_000  # 8,000 x 8,000; a file of a few kB can claim far more and fill the memory


def open_image(path: Path, *, maximum_pixels: int = MAXIMUM_PIXELS) -> Image.Image:
    """The whole image in memory: RGB, 8 bits, upright.

    Grey images get three equal channels (16 bits are scaled by 1/257), transparent ones lie on black, the
    orientation stored by a camera is applied, and a DICOM file is shown as its own window says.

    Raises:
        ModelsError: No such file, another format, damaged, several frames, or more than `maximum_pixels`.
    """
    return decode_image(read_bytes(path), name=str(path), maximum_pixels=maximum_pixels)


def decode_image(data: bytes, *, name: str, maximum_pixels: int = MAXIMUM_PIXELS) -> Image.Image:
    """Like `open_image`, from the bytes of a file; `name` stands in the messages."""
    image = decode_grey_or_rgb(data, name=name, maximum_pixels=maximum_pixels)
    return image.convert("RGB") if image.mode == "L" else image


def decode_grey_or_rgb(data: bytes, *, name: str, maximum_pixels: int = MAXIMUM_PIXELS) -> Image.Image:
    """Like `decode_image`, but a grey image stays grey (mode L): what follows is a third of the work.

    The suffix of `name` counts only for what no content tells: a DICOM file without its preamble.
    """
    if has_dicom_preamble(data):
        return decode_dicom(data, name=name, maximum_pixels=maximum_pixels)
    if is_picture(data):
        return decode_picture(data, name=name, maximum_pixels=maximum_pixels)
    if name.lower().endswith(DICOM_SUFFIXES):
        return decode_dicom(data, name=name, maximum_pixels=maximum_pixels)
    raise ModelsError(f"{name} is not a PNG, JPEG, TIFF or DICOM image; convert it or leave it out")
