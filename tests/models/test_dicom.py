import io
import logging
import struct
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.rle import _rle_decode_segment
from pydicom.pixels.encoders.native import _encode_segment
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from models.errors import ModelsError
from models.images import codestream, decode_grey_or_rgb, decode_image, open_image
from models.images.codestream import jpeg2000_size
from models.images.run_lengths import unpacked

DEFLATED = DeflatedExplicitVRLittleEndian
SECRET = "Malvolio^Steward"  # of a play, not of a patient
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
DEEP = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)


def dicom(
    pixels: NDArray[np.generic],
    *,
    stored: int | None = None,
    syntax: str = ExplicitVRLittleEndian,
    **tags: object,
) -> FileDataset:
    """A secondary capture of a made-up person."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    little = syntax != ExplicitVRBigEndian
    dataset = FileDataset(
        "",
        {},
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=little,
    )
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.PatientName, dataset.PatientID = SECRET, SECRET
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = stored or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<" if little else ">")).tobytes()
    dataset["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


def content(dataset: FileDataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def shown(dataset: FileDataset) -> NDArray[np.uint8]:
    """What becomes of it: `(h, w, 3)`, or `(h, w)` where all channels are equal."""
    image = np.asarray(decode_image(content(dataset), name="x.png"))
    grey = (image == image[..., :1]).all()
    return image[..., 0] if grey else image


def stretched(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    """By hand: low is black, high is white."""
    return np.rint(np.clip((values.astype(float) - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def table(first: int, entries: list[int], bits: int) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item["LUTData"].VR = "US"
    return Sequence([item])


def refused(dataset: FileDataset, match: str) -> None:
    with pytest.raises(ModelsError, match=match):
        decode_image(content(dataset), name="a.dcm")


def test_eight_bits_are_shown_as_they_are() -> None:
    np.testing.assert_array_equal(shown(dicom(RAMP)), RAMP)
    np.testing.assert_array_equal(shown(dicom(RAMP[4:9])), RAMP[4:9])


def test_the_lowest_value_of_monochrome1_is_white() -> None:
    np.testing.assert_array_equal(shown(dicom(RAMP, PhotometricInterpretation="MONOCHROME1")), 255 - RAMP)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_every_plain_encoding_gives_the_same_picture(syntax: str) -> None:
    np.testing.assert_array_equal(shown(dicom(DEEP, stored=12, syntax=syntax)), stretched(DEEP, 0, 4095))


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_more_than_eight_bits_without_a_window_span_what_the_image_has(bits: int) -> None:
    pixels = (DEEP.astype(int) // 8 + 200).astype(np.uint16)
    np.testing.assert_array_equal(shown(dicom(pixels, stored=bits)), stretched(pixels, 200, 711))


def test_signed_values_are_ordered_by_their_sign() -> None:
    signed = (DEEP.astype(int) - 2000).astype(np.int16)
    np.testing.assert_array_equal(shown(dicom(signed)), stretched(signed, -2000, 2095))


def test_bits_that_are_not_stored_are_no_part_of_a_value() -> None:
    signed = (DEEP.astype(int) - 2048).astype(np.int16)
    with_overlay = (signed & 0x0FFF) | 0x5000
    np.testing.assert_array_equal(shown(dicom(with_overlay, stored=12)), stretched(signed, -2048, 2047))


def test_values_in_the_high_bits_are_read_from_there() -> None:
    left = DEEP << 4
    np.testing.assert_array_equal(shown(dicom(left | 7, stored=12, HighBit=15)), stretched(DEEP, 0, 4095))


def test_thirty_two_bits_are_read() -> None:
    wide = DEEP.astype(np.uint32) * 1_000_003
    np.testing.assert_array_equal(shown(dicom(wide)), stretched(wide, 0, 4095 * 1_000_003))


def test_one_bit_is_black_and_white() -> None:
    bits = (RAMP % 3 == 0).astype(np.uint8)
    dataset = dicom(bits, stored=1)
    dataset.BitsAllocated, dataset.PixelData = 1, np.packbits(bits, bitorder="little").tobytes()
    np.testing.assert_array_equal(shown(dataset), bits * 255)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_window_is_pydicoms_and_the_standards(function: str | None, *, inverted: bool) -> None:
    tags = {"VOILUTFunction": function} if function else {}
    dataset = dicom(
        DEEP, stored=12, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=900, WindowWidth=801, **tags
    )
    units = DEEP.astype(float) * 2 - 1000
    by_hand = {
        "LINEAR": np.clip((units - 899.5) / 800 + 0.5, 0, 1),
        "LINEAR_EXACT": np.clip((units - 900) / 801 + 0.5, 0, 1),
        "SIGMOID": 1 / (1 + np.exp(-4 * (units - 900) / 801)),
    }[function or "LINEAR"]
    pydicoms = apply_voi_lut(apply_modality_lut(DEEP, dataset), dataset)
    low, high = -1000, 4095 * 2 - 1000
    np.testing.assert_allclose((pydicoms - low) / (high - low), by_hand, atol=1e-9)
    if inverted:
        dataset.PhotometricInterpretation = "MONOCHROME1"
        by_hand = 1 - by_hand
    np.testing.assert_array_equal(shown(dataset), np.rint(by_hand * 255).astype(np.uint8))


def test_a_window_of_width_one_is_a_step() -> None:
    np.testing.assert_array_equal(
        shown(dicom(RAMP, WindowCenter=100, WindowWidth=1)), np.where(RAMP > 99.5, 255, 0)
    )


def test_of_several_windows_the_first_counts() -> None:
    several = dicom(DEEP, stored=12, WindowCenter=[1000, 2], WindowWidth=[501, 2])
    np.testing.assert_array_equal(shown(several), stretched(DEEP, 749.5, 1249.5))


@pytest.mark.parametrize(
    ("center", "width"),
    [("1000", "0"), ("1000", "-5"), ("a", "b"), ("nan", "10"), ("1e300", "10"), ("-9000", "20")],
)
def test_a_window_without_meaning_gives_way_to_percentiles(center: str, width: str) -> None:
    pixels = np.full((40, 50), 500, dtype=np.uint16)
    pixels[:20] = np.arange(1000, dtype=np.uint16).reshape(20, 50)
    pixels[0, 0] = 60000  # a stray one
    dataset = dicom(pixels)
    raw = content(dicom(pixels, WindowCenter="77777", WindowWidth="88888"))
    for old, new in (("77777", center), ("88888", width)):
        raw = raw.replace(old.encode() + b" ", new.ljust(6).encode())
    image = np.asarray(decode_image(raw, name="x"))[..., 0]
    ordered = np.sort(pixels.ravel())
    low, high = ordered[9], ordered[1989]  # the values that 0.5 and 99.5 of a hundred reach
    assert dataset.Rows == 40
    np.testing.assert_array_equal(image, stretched(pixels, float(low), float(high)))


def test_an_empty_window_is_none() -> None:
    empty = dicom(DEEP, stored=12, WindowCenter=None, WindowWidth=None)
    np.testing.assert_array_equal(shown(empty), stretched(DEEP, 0, 4095))


@pytest.mark.parametrize("slope", ["0", "", "nan"])
def test_a_senseless_slope_does_nothing(slope: str) -> None:
    raw = content(
        dicom(DEEP, stored=12, RescaleSlope="7", RescaleIntercept="0", WindowCenter=1000, WindowWidth=501)
    )
    place = raw.index(bytes.fromhex("28005310") + b"DS")
    changed = raw[: place + 6] + struct.pack("<H", 4) + slope.ljust(4).encode() + raw[place + 10 :]
    image = np.asarray(decode_image(changed, name="x"))[..., 0]
    np.testing.assert_array_equal(image, stretched(DEEP, 749.5, 1249.5))


def test_a_modality_table_comes_before_the_window() -> None:
    entries = [int(value) for value in np.linspace(0, 900, 64)]
    dataset = dicom(RAMP, ModalityLUTSequence=table(100, entries, 16), WindowCenter=400, WindowWidth=301)
    dataset.ModalityLUTSequence[0].ModalityLUTType = "US"
    units = np.asarray(entries)[np.clip(RAMP.astype(int) - 100, 0, 63)]
    np.testing.assert_array_equal(apply_modality_lut(RAMP.astype(np.int16), dataset), units)
    np.testing.assert_array_equal(shown(dataset), stretched(units, 249.5, 549.5))


@pytest.mark.parametrize("first", [-300, 0, 500])
def test_a_voi_table_is_used_in_place_of_the_window(first: int) -> None:
    entries = [int(value) for value in 1023 * np.linspace(0, 1, 700) ** 2]
    signed = (DEEP.astype(int) - 1000).astype(np.int16)
    dataset = dicom(signed, VOILUTSequence=table(first, entries, 10), WindowCenter=3, WindowWidth=2)
    expected = apply_voi_lut(signed, dataset)
    np.testing.assert_array_equal(
        shown(dataset), np.rint(expected.astype(float) / 1023 * 255).astype(np.uint8)
    )


def test_a_voi_table_in_bytes_is_read_in_every_order_and_size() -> None:
    entries = np.linspace(0, 255, 200).astype(np.uint8)
    for syntax, packed, bits in (
        (ExplicitVRLittleEndian, (entries.astype("<u2") * 257).tobytes(), 16),
        (ExplicitVRBigEndian, (entries.astype(">u2") * 257).tobytes(), 16),
        (ExplicitVRLittleEndian, entries.tobytes(), 8),
    ):
        dataset = dicom(RAMP, syntax=syntax, VOILUTSequence=table(10, [1] * 200, bits))
        dataset.VOILUTSequence[0]["LUTData"].VR = "OW"
        dataset.VOILUTSequence[0].LUTData = packed
        np.testing.assert_array_equal(shown(dataset), entries[np.clip(RAMP.astype(int) - 10, 0, 199)])


def test_an_unusable_voi_table_gives_way_to_the_window() -> None:
    broken = table(0, [1, 2], 16)
    del broken[0].LUTData
    dataset = dicom(DEEP, stored=12, VOILUTSequence=broken, WindowCenter=1000, WindowWidth=501)
    np.testing.assert_array_equal(shown(dataset), stretched(DEEP, 749.5, 1249.5))


@pytest.mark.parametrize("limit", [None, 65000])
def test_padding_is_black_and_widens_no_range(limit: int | None) -> None:
    pixels = DEEP + np.uint16(100)
    pixels[0], pixels[1] = 63536, (64000 if limit else 63536)
    tags = {"PixelPaddingRangeLimit": limit} if limit else {}
    for space, expected in (
        ("MONOCHROME2", stretched(pixels, pixels[2:].min(), pixels[2:].max())),
        ("MONOCHROME1", 255 - stretched(pixels, pixels[2:].min(), pixels[2:].max())),
    ):
        image = shown(dicom(pixels, PixelPaddingValue=63536, PhotometricInterpretation=space, **tags))
        assert not image[:2].any()
        np.testing.assert_array_equal(image[2:], expected[2:])


def test_an_image_of_one_value_or_of_padding_alone_is_black() -> None:
    flat = np.full((4, 4), 700, dtype=np.uint16)
    assert not shown(dicom(flat)).any()
    assert not shown(dicom(flat, PixelPaddingValue=700)).any()


def test_a_palette_gives_pydicoms_colours() -> None:
    ramps = [np.linspace(0, 65535, 256), np.linspace(65535, 0, 256), np.linspace(20000, 50000, 256)]
    dataset = dicom(RAMP, PhotometricInterpretation="PALETTE COLOR")
    for colour, ramp in zip(("Red", "Green", "Blue"), ramps, strict=True):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", ramp.astype("<u2").tobytes())
    np.testing.assert_array_equal(shown(dataset), apply_color_lut(RAMP, dataset) >> 8)


COLOURS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def test_colours_are_kept_in_both_planar_configurations() -> None:
    np.testing.assert_array_equal(shown(dicom(COLOURS)), COLOURS)
    planes = dicom(COLOURS, PlanarConfiguration=1)
    planes.PixelData = COLOURS.transpose(2, 0, 1).tobytes()
    np.testing.assert_array_equal(shown(planes), COLOURS)


def test_sixteen_bit_colours_are_scaled() -> None:
    np.testing.assert_array_equal(shown(dicom(COLOURS.astype(np.uint16) * 257)), COLOURS)


def test_ybr_becomes_rgb() -> None:
    ybr = np.asarray(Image.fromarray(COLOURS).convert("YCbCr"))
    image = shown(dicom(ybr, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(image.astype(int) - COLOURS).max() <= 3


def test_a_file_full_of_codestream_headers_is_refused_after_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def counted(stream: bytes) -> tuple[int, int, int]:
        assert len(seen) < 100
        assert len(stream) < 100
        seen.append(stream)
        return jpeg2000_size(stream)

    monkeypatch.setattr(codestream, "jpeg2000_size", counted)
    header = codestream.SOC_SIZ + struct.pack(">2H8IH", 41, 0, 16, 16, 0, 0, 16, 16, 0, 0, 1)
    assert codestream.codestream_sizes(codestream.JP2 + bytes(20) + header) == [(16, 16, 1)]
    assert len(seen) == 1
    dataset = dicom(RAMP)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.PixelData = encapsulate([codestream.JP2 + codestream.SOC_SIZ * (5_000_000 // 4)])
    refused(dataset, "another size than it states")


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("pixels", [DEEP, RAMP, (DEEP.astype(int) - 2000).astype(np.int16), COLOURS])
def test_lossless_compression_changes_nothing(syntax: str, pixels: NDArray[np.generic]) -> None:
    dataset = dicom(np.kron(pixels, np.ones((2, 2, 1)[: pixels.ndim], dtype=pixels.dtype)))
    expected = shown(dataset)
    dataset.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(shown(dataset), expected)


@pytest.mark.parametrize(
    "packed", [b"\x81\0", b"\x80", b"\x7f" + bytes(128)], ids=["runs", "nothing", "bytes"]
)
def test_runs_that_unpack_to_more_than_the_image_are_refused_before_they_are(packed: bytes) -> None:
    dataset = dicom(RAMP)
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + packed * (4_000_000 // len(packed))
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    data = content(dataset)
    tracemalloc.start()
    try:
        with pytest.raises(ModelsError, match="another size than it states"):
            decode_grey_or_rgb(data, name="a.dcm")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize("values", [np.zeros(500), np.arange(500), np.repeat(np.arange(250), 2)])
def test_runs_are_counted_as_they_are_unpacked(values: NDArray[np.float64]) -> None:
    segment = bytes(_encode_segment(values.astype(np.uint8).tobytes(), columns=100))
    assert unpacked(segment, most=500) == len(_rle_decode_segment(segment))


def jpeg(dataset: FileDataset, pixels: NDArray[np.uint8], **tags: object) -> FileDataset:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([file.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_jpeg_inside_is_that_jpeg() -> None:
    np.testing.assert_allclose(shown(jpeg(dicom(RAMP), RAMP)), RAMP, atol=4)
    smooth = np.stack([RAMP, 255 - RAMP, RAMP], axis=-1)
    colour = shown(jpeg(dicom(smooth), smooth, PhotometricInterpretation="YBR_FULL_422"))
    assert np.abs(colour.astype(int) - smooth).mean() < 6


def test_lossless_jpeg_needs_and_has_a_plugin() -> None:
    np.testing.assert_array_equal(shown(with_lossless_jpeg()), stretched(DEEP, 0, 4095))


HEADERS = [
    (b"\xff\xc3", b"\xff\xc2"),  # another kind of frame
    (b"\1\0\1\0\0", b"\1\0\t\0\0"),  # a predictor that there is not
    (b"\xff\xd8\xff", b"\xff\xd8\xff\xee\0\x0eAdobe\0d\0\0\0\0\x31\xff"),  # an unknown transform
    (b"\xff\xc4\0", b"\xff\xfe\0"),  # no table
    (b"\3\4\5\6", b"\3\4\x20\6"),  # a category that no difference has
]


@pytest.mark.parametrize("change", HEADERS)
def test_a_senseless_header_of_a_lossless_jpeg_never_reaches_its_decoder(change: tuple[bytes, bytes]) -> None:
    dataset, stream = with_lossless_jpeg(), lossless_jpeg(DEEP)
    assert stream.count(change[0]) == 1
    dataset.PixelData = encapsulate([stream.replace(*change)])
    refused(dataset, "lossless JPEG of an unusual kind")


def with_lossless_jpeg() -> FileDataset:
    dataset = dicom(DEEP, stored=12)
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = encapsulate([lossless_jpeg(DEEP)])
    dataset["PixelData"].is_undefined_length = True
    return dataset


def lossless_jpeg(pixels: NDArray[np.uint16]) -> bytes:
    """ITU-T T.81, annex H, first predictor, 12 bits; every category has a code of five bits."""
    height, width = pixels.shape
    frame = struct.pack(">BBHBHHBBBB", 0xFF, 0xC3, 11, 12, height, width, 1, 1, 0x11, 0)
    huffman = (
        struct.pack(">BBHB", 0xFF, 0xC4, 19 + 13, 0) + bytes([0, 0, 0, 0, 13, *([0] * 11)]) + bytes(range(13))
    )
    scan = struct.pack(">BBHBBBBBB", 0xFF, 0xDA, 8, 1, 1, 0, 1, 0, 0)
    values, bits = pixels.astype(int), ""
    for row in range(height):
        for column in range(width):
            above = values[row - 1, 0] if row else 1 << 11
            change = int(values[row, column] - (values[row, column - 1] if column else above))
            category = abs(change).bit_length()
            bits += f"{category:05b}"
            if category:
                bits += f"{change if change > 0 else change + (1 << category) - 1:0{category}b}"
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"\xff\xd8" + frame + huffman + scan + coded + b"\xff\xd9"


def test_a_dicom_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content(dicom(RAMP)))
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "a.png"))[..., 0], RAMP)
    Image.fromarray(RAMP).save(tmp_path / "b.dcm", "PNG")
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "b.dcm"))[..., 0], RAMP)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_without_its_preamble_it_is_known_by_its_suffix(syntax: str) -> None:
    bare = content(dicom(RAMP, syntax=syntax))
    meta_ends = 144 + int.from_bytes(bare[140:144], "little")
    for data in (bare[meta_ends:], bare[132:]):
        np.testing.assert_array_equal(np.asarray(decode_image(data, name="a.DCM"))[..., 0], RAMP)
        with pytest.raises(ModelsError, match="is not a PNG, JPEG, TIFF or DICOM"):
            decode_image(data, name="a.png")


def test_several_frames_are_counted_and_refused() -> None:
    dataset = dicom(RAMP, NumberOfFrames=7)
    dataset.PixelData = RAMP.tobytes() * 7
    refused(dataset, r"a\.dcm holds 7 frames; save each")


def test_a_file_without_pixels_is_refused() -> None:
    dataset = dicom(RAMP)
    del dataset.PixelData
    refused(dataset, "without pixel data")
    refused(dicom(RAMP, PixelData=b""), "damaged")
    dataset = dicom(RAMP)
    del dataset.Rows
    refused(dataset, "does not say how large")


def test_a_truncated_file_is_refused() -> None:
    for dataset in (dicom(DEEP), dicom(DEEP)):
        data = content(dataset)
        with pytest.raises(ModelsError, match=r"a\.dcm is damaged or cut short"):
            decode_image(data[:-100], name="a.dcm")


def test_what_is_not_read_is_named() -> None:
    refused(dicom(RAMP, PhotometricInterpretation="HSV"), "colour space that is not read")
    refused(dicom(RAMP, PhotometricInterpretation="PALETTE COLOR"), "no palette, or one in segments")
    for syntax, name in ((MPEG2MPML, "MPEG2 Main Profile"), ("1.2.3.4", "an unknown transfer syntax")):
        dataset = jpeg(dicom(RAMP), RAMP)
        dataset.file_meta.TransferSyntaxUID = syntax
        refused(dataset, f"is compressed with {name}.*decompress it first")
    dataset = jpeg(dicom(DEEP, stored=12), RAMP)
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    refused(dataset, "12-bit JPEG, which is not read")


@pytest.mark.parametrize("side", [9000, 65535])
def test_a_header_that_claims_too_much_is_refused_before_decoding(side: int) -> None:
    refused(dicom(RAMP, Rows=side, Columns=side), rf"{side} x {side} pixels, the limit is 64,000,000")


def test_a_compressed_image_larger_than_its_header_is_refused() -> None:
    for syntax in (JPEG2000Lossless, JPEGLSLossless):
        dataset = dicom(np.tile(DEEP, (2, 2)))
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.Rows = 4
        refused(dataset, "another size than it states")
    refused(jpeg(dicom(RAMP), RAMP, Columns=1000), "another size than it states")


def wide_colour() -> FileDataset:
    """16 bits a channel, of a million pixels like those below."""
    return dicom(np.arange(3_000_000, dtype=np.uint16).reshape(1000, 1000, 3), syntax=DEFLATED)


def luminance() -> FileDataset:
    pixels = np.arange(3_000_000).astype(np.uint8).reshape(1000, 1000, 3)
    return dicom(pixels, syntax=DEFLATED, PhotometricInterpretation="YBR_FULL")


def planes() -> FileDataset:
    dataset = wide_colour()
    dataset.PlanarConfiguration = 1
    return dataset


def grey(kind: type[np.unsignedinteger], **tags: int) -> FileDataset:
    """Of a million pixels; 32-bit values are far apart."""
    values = np.arange(1_000_000, dtype=np.uint32).reshape(1000, 1000) % 4096
    return dicom((values * (2**18 if kind is np.uint32 else 1)).astype(kind), syntax=DEFLATED, **tags)


@pytest.mark.parametrize(
    "make",
    [
        wide_colour,
        planes,
        luminance,
        lambda: grey(np.uint16),
        lambda: grey(np.uint16, stored=12),
        lambda: grey(np.uint16, PixelPaddingValue=5),
        lambda: grey(np.uint32),
    ],
)
def test_a_deflated_image_takes_little_more_than_its_pixels(make: Callable[[], FileDataset]) -> None:
    dataset = make()
    data, stored = content(dataset), len(dataset.PixelData)
    decode_grey_or_rgb(content(dicom(RAMP, syntax=DEFLATED)), name="a.dcm")  # imports what it needs
    tracemalloc.start()
    try:
        decode_grey_or_rgb(data, name="a.dcm")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (
        peak < stored + 8 * 1_000_000 + 5_000_000
    )  # with 4 bytes a pixel of Pillow's own, 12; and the bands


@pytest.mark.parametrize(
    ("sides", "channels", "kind", "match"),
    [
        ((9000, 8000), 3, np.uint16, "8000 x 9000 pixels, the limit is 64,000,000"),
        ((8000, 8000), 3, np.uint32, "768,000,000 bytes of pixels, the limit is 512,000,000"),
        ((100, 100), 1, np.uint16, "inflates to more than 16,797,216 bytes"),
    ],
)
def test_what_a_deflated_file_claims_is_judged_before_its_pixels_are_inflated(
    sides: tuple[int, int], channels: int, kind: type[np.unsignedinteger], match: str
) -> None:
    dataset = dicom(np.zeros((16, 16, 3)[: 2 + channels // 3], kind), syntax=DEFLATED)
    dataset.Rows, dataset.Columns = sides
    dataset.PixelData = bytes(100_000_000)
    data = content(dataset)
    assert len(data) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(ModelsError, match=match):
            decode_grey_or_rgb(data, name="a.dcm")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


def test_a_deflated_bomb_is_refused() -> None:
    data = content(dicom(RAMP, syntax=DeflatedExplicitVRLittleEndian))
    packer = zlib.compressobj(9, wbits=-15)
    bomb = packer.compress(bytes(2_000_000)) + packer.flush()
    meta_ends = 144 + int.from_bytes(data[140:144], "little")
    with pytest.raises(ModelsError, match="inflates to more than 800,000 bytes"):
        decode_image(data[:meta_ends] + bomb, name="a.dcm", maximum_pixels=100_000)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("pydicom", "is a DICOM file; install its reader with `pip install 'knobo[dicom]'`"),
        ("gdcm", "is compressed with JPEG Lossless, Non-Hierarchical, First-Order Prediction"),
        ("gdcm", "; install its decoder with `pip install python-gdcm`"),
    ],
)
def test_a_missing_package_is_named(tmp_path: Path, module: str, message: str) -> None:
    (tmp_path / "a.dcm").write_bytes(content(with_lossless_jpeg()))
    code = (
        f"import sys, pathlib; sys.modules[{module!r}] = None\n"
        "from models.images import open_image\n"
        f"open_image(pathlib.Path({str(tmp_path / 'a.dcm')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("models.errors.ModelsError: ")
    assert message in last


def spoiled() -> list[bytes]:
    """Files that pydicom has much to say about."""
    whole = content(dicom(DEEP, stored=12, WindowCenter=1000, WindowWidth=500))
    number = content(dicom(DEEP, NumberOfFrames="1", WindowCenter=77777, WindowWidth=10))
    return [
        whole,
        whole[:-100],
        whole.replace(SECRET.encode(), b"\xff" * len(SECRET)),
        whole.replace(b"ISO_IR", b"NO_WAY"),
        number.replace(b"77777 ", b"Malvol"),
        whole.replace(b"MONOCHROME2 ", b"Malvolio^St "),
        whole.replace(
            struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, 16), struct.pack("<HH2sHH", 0x28, 0x10, b"LO", 2, 16)
        ),
        content(dicom(DEEP, PixelData=DEEP.tobytes() + SECRET.encode())),
        content(with_lossless_jpeg())[:-300],
    ]


def test_nothing_of_a_patient_is_ever_said(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    said = []
    with caplog.at_level(logging.DEBUG):
        for data in spoiled():
            try:
                image = decode_image(data, name="a.dcm")
                said.append(repr(image.info))
            except ModelsError as error:
                said += [str(error), repr(error.__cause__), repr(error.__context__)]
    out, err = capfd.readouterr()
    everything = " ".join([*said, caplog.text, out, err, *(str(warning.message) for warning in recwarn)])
    assert "Malvol" not in everything
    assert not caplog.records
    assert not recwarn.list


def test_reading_in_threads_is_as_quiet_as_in_one() -> None:
    heard: list[str] = []
    threads = [
        threading.Thread(target=lambda: [read_quietly(data, heard) for data in spoiled()]) for _ in range(4)
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not caught
    assert not heard


def read_quietly(data: bytes, heard: list[str]) -> None:
    try:
        decode_image(data, name="a.dcm")
    except ModelsError:
        return
    except Exception as error:  # noqa: BLE001  # what must not happen
        heard.append(repr(error))
