"""Takes the image description and the pixels out of a DICOM file, and leaves all else where it stands."""

import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from models.errors import ModelsError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PREAMBLE, META_START = 128, 132
DEFLATED, EXPLICIT_LITTLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE, EXPLICIT_BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
BYTES_PER_PIXEL = 8  # more than any image has; bounds what a deflated file may grow to
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
    if syntax == DEFLATED:
        limit = maximum_pixels * BYTES_PER_PIXEL
        data = as_plain(inflated(data[start:], name=name, limit=limit))
    dataset = dcmread(BytesIO(data), force=True, specific_tags=list(TAGS))
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


def inflated(data: bytes, *, name: str, limit: int) -> bytes:
    """Deflated data, refused where they grow beyond any image."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = stream.decompress(data, limit)
    if stream.unconsumed_tail:
        raise ModelsError(f"{name} inflates to more than {limit:,} bytes; scale it down or leave it out")
    return plain


def as_plain(data: bytes) -> bytes:
    """A data set as a file of its own without compression."""
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415
    from pydicom.filewriter import write_file_meta_info  # noqa: PLC0415
    from pydicom.uid import UID  # noqa: PLC0415

    file, meta = DicomBytesIO(), FileMetaDataset()
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    file.write(bytes(PREAMBLE) + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=False)
    return file.getvalue() + data
