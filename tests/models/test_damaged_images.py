"""Whatever a file holds, the end is a picture or one sentence."""

import io
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from models.errors import ModelsError
from models.images import decode_image

PIXELS = np.random.default_rng(0).integers(0, 4096, (32, 32)).astype(np.uint16)
COLOURS = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
ENCODINGS = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
COMPRESSED = (RLELossless, JPEGLSLossless, JPEG2000Lossless)
HEADS = (b"", b"\0" * 128 + b"DICM", b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
FORMATS = ("PNG", "PNG wide", "JPEG", "TIFF", "TIFF packed", *ENCODINGS, *COMPRESSED)


@cache
def whole_file(kind: str) -> bytes:
    file = io.BytesIO()
    if kind in (*ENCODINGS, *COMPRESSED):
        dicom(kind).save_as(file, enforce_file_format=True)
    elif kind == "PNG wide":
        Image.fromarray(PIXELS).save(file, "PNG")
    else:
        options = {"compression": "tiff_lzw"} if kind == "TIFF packed" else {}
        Image.fromarray(COLOURS).save(file, kind.split(maxsplit=1)[0], **options)
    return file.getvalue()


def dicom(syntax: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax in COMPRESSED else syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    implicit = syntax == ImplicitVRLittleEndian
    dataset = FileDataset("", {}, b"\0" * 128, meta, is_implicit_VR=implicit, is_little_endian=True)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.Rows, dataset.Columns = PIXELS.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.WindowCenter, dataset.WindowWidth = 2000, 900
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelPaddingValue, dataset.PixelData = 7, PIXELS.tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax in COMPRESSED:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def picture_or_sentence(data: bytes, name: str) -> None:
    try:
        mode, said = decode_image(data, name=name).mode, name
    except ModelsError as error:
        mode, said = "RGB", str(error)
    assert mode == "RGB"
    assert name in said
    assert "\n" not in said


@pytest.mark.parametrize("kind", FORMATS)
def test_whole_files_of_every_format_are_read(kind: str) -> None:
    side = 24 if whole_file(kind)[:4] != b"\0" * 4 and kind != "PNG wide" else 32
    assert decode_image(whole_file(kind), name="x").size == (side, side)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(share=st.floats(0, 1, exclude_max=True))
def test_any_truncation_ends_in_a_picture_or_a_sentence(kind: str, share: float) -> None:
    data = whole_file(kind)
    picture_or_sentence(data[: int(share * len(data))], "cut.dcm")


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_ends_in_a_picture_or_a_sentence(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole_file(kind))
    for place, value in changes:
        data[place % min(len(data), 700)] = value  # headers are where damage tells
    picture_or_sentence(bytes(data), "spoiled.dcm")


@settings(max_examples=200, deadline=None)
@given(
    head=st.sampled_from(HEADS),
    data=st.binary(max_size=300),
)
def test_any_bytes_end_in_a_picture_or_a_sentence(head: bytes, data: bytes) -> None:
    picture_or_sentence(head + data, "noise.dcm")
