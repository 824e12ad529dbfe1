"""Takes the image description and the pixels out of a DICOM file, and leaves all else where it stands."""

import zlib
from collections.abc import Iterator
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING

from models.errors import ModelsError
from models.images.dicom_values import whole_number

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PREAMBLE, META_START = 128, 132
DEFLATED, EXPLICIT_LITTLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE, EXPLICIT_BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
BYTES_PER_PIXEL = 8  # 16-bit colour has 6; bounds, by the most pixels, what is decoded or inflated
BESIDE = 16 * 1024**2  # that a deflated file may hold beside its pixels; its image description is there
PIECE = 64 * 1024  # inflated at a time
TAGS = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept"),
    *("ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *(
        f"{c}PaletteColorLookupTable{part}"
        for c in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
)
"""All that is read: image description and pixels; everything else is skipped where it stands."""


def has_dicom_preamble(data: bytes) -> bool:
    """Whether a file says of itself that it is DICOM (PS3.10, 7.1)."""
    return data[PREAMBLE:META_START] == b"DICM"


def read_tags(data: bytes, *, name: str, maximum_pixels: int) -> "Dataset":
    """The image description, with the transfer syntax of the pixels."""
    from pydicom import dcmread  # noqa: PLC0415
    from pydicom.uid import UID  # noqa: PLC0415

    syntax, start = transfer_syntax(data)
    file = BytesIO(data)
    if syntax == DEFLATED:
        file = inflated(memoryview(data)[start:], name=name, maximum_pixels=maximum_pixels)
    dataset = dcmread(file, force=True, specific_tags=list(TAGS))
    dataset.buffer = None  # a second copy of the pixels otherwise
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        plain = EXPLICIT_LITTLE if little else EXPLICIT_BIG
        dataset.file_meta.TransferSyntaxUID = UID(IMPLICIT_LITTLE if implicit else plain)
    return dataset


def transfer_syntax(data: bytes) -> tuple[str, int]:
    """What the file's own header says of its encoding, and where its data begin."""
    from pydicom.filereader import read_dataset  # noqa: PLC0415

    file = BytesIO(data)
    file.seek(META_START if has_dicom_preamble(data) else 0)
    meta = read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2
    )
    return str(meta.get("TransferSyntaxUID", "")), file.tell()


def require_size(dataset: "Dataset", *, name: str, maximum_pixels: int) -> int:
    """Bytes of the pixels once they are decoded, as the image description says; 0 where it does not.

    Raises:
        ModelsError: They are of several frames, or too many.
    """
    frames = whole_number(dataset, "NumberOfFrames") or 1
    if frames > 1:
        raise ModelsError(f"{name} holds {frames} frames; save each that is meant as a file of its own")
    width, height = (max(whole_number(dataset, side) or 0, 0) for side in ("Columns", "Rows"))
    if width * height > maximum_pixels:
        message = f"{name} has {width} x {height} pixels, the limit is {maximum_pixels:,}; scale it down"
        raise ModelsError(message)
    samples, bits = (
        max(whole_number(dataset, each) or 1, 1) for each in ("SamplesPerPixel", "BitsAllocated")
    )
    size, limit = -(-width * height * samples * bits // 8), maximum_pixels * BYTES_PER_PIXEL
    if size > limit:
        message = f"{name} has {size:,} bytes of pixels, the limit is {limit:,}"
        raise ModelsError(f"{message}; scale it down, or store fewer bits")
    return size


def inflated(data: memoryview, *, name: str, maximum_pixels: int) -> BytesIO:
    """A deflated data set as a file of its own without compression.

    The image description comes before the pixels: what it claims is judged before these are inflated, and
    they may not grow beyond it.
    """
    file = BytesIO(plain_header())
    file.seek(0, SEEK_END)
    limit, judged = min(BESIDE, maximum_pixels * BYTES_PER_PIXEL), False
    for part in inflated_parts(data):
        file.write(part)
        if file.tell() > limit and not judged:
            limit, judged = limit + described_size(file, name=name, maximum_pixels=maximum_pixels), True
        if file.tell() > limit:
            message = f"{name} inflates to more than {limit:,} bytes, and its image needs fewer"
            raise ModelsError(f"{message}; save it anew or leave it out")
    file.seek(0)
    return file


def described_size(file: BytesIO, *, name: str, maximum_pixels: int) -> int:
    """Like `require_size`, of a file of which only the beginning is there."""
    from pydicom import dcmread  # noqa: PLC0415

    beginning, tags = BytesIO(file.getvalue()), list(TAGS)
    try:
        dataset = dcmread(beginning, force=True, specific_tags=tags, stop_before_pixels=True)
    except Exception:  # noqa: BLE001  # it is cut anywhere, and the pixels may be far
        return 0
    return require_size(dataset, name=name, maximum_pixels=maximum_pixels)


def inflated_parts(data: memoryview) -> Iterator[bytes]:
    """One after the other, none much longer than a piece."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(0, len(data), PIECE):
        rest: bytes | memoryview = data[start : start + PIECE]
        while len(rest) and not stream.eof:
            yield stream.decompress(rest, PIECE)
            rest = stream.unconsumed_tail
    yield stream.flush()


def plain_header() -> bytes:
    """The beginning of a file without compression."""
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415
    from pydicom.filewriter import write_file_meta_info  # noqa: PLC0415
    from pydicom.uid import UID  # noqa: PLC0415

    file, meta = DicomBytesIO(), FileMetaDataset()
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    file.write(bytes(PREAMBLE) + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=False)
    return file.getvalue()
