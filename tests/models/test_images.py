import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import ModelsError
from models.images import decode_image, image_digest, open_image


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def png_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


COLOURS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3) * 4


def test_a_colour_png_is_read_as_it_is(tmp_path: Path) -> None:
    image = open_image(saved(tmp_path / "a.png", Image.fromarray(COLOURS)))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), COLOURS)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    grey = COLOURS[..., 0]
    image = open_image(saved(tmp_path / "a.png", Image.fromarray(grey)))
    np.testing.assert_array_equal(np.asarray(image), np.stack([grey] * 3, axis=-1))


def test_sixteen_bit_grey_is_scaled_to_eight(tmp_path: Path) -> None:
    wide = np.array([[0, 257, 128, 129, 40000, 65535]], dtype=np.uint16)
    image = open_image(saved(tmp_path / "a.png", Image.fromarray(wide)))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 1, 0, 1, round(40000 / 257), 255]


def test_a_palette_gives_its_colours(tmp_path: Path) -> None:
    two = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode=None).convert("P")
    two.putpalette([10, 20, 30, 200, 100, 50])
    image = open_image(saved(tmp_path / "a.png", two))
    assert np.asarray(image).tolist() == [[[10, 20, 30], [200, 100, 50]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_lie_on_black(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (2, 1), 200 if mode == "LA" else (200, 200, 200))
    image.putalpha(Image.fromarray(np.array([[0, 51]], dtype=np.uint8)))
    assert np.asarray(open_image(saved(tmp_path / "a.png", image)))[0, :, 0].tolist() == [0, 40]


def test_the_orientation_of_the_camera_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    left_half_white = np.zeros((16, 32, 3), dtype=np.uint8)
    left_half_white[:, :16] = 255
    image = open_image(saved(tmp_path / "a.jpg", Image.fromarray(left_half_white), exif=exif, quality=95))
    assert image.size == (16, 32)
    assert np.asarray(image)[:12].mean() > 250
    assert np.asarray(image)[20:].mean() < 5


def test_cmyk_jpeg_is_converted(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8)))
    assert open_image(path).getpixel((3, 3)) == (255, 255, 255)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"no image at .*gone\.png"):
        open_image(tmp_path / "gone.png")


def test_a_folder_in_place_of_an_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="cannot be read"):
        open_image(tmp_path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for name in ("a.png", "a.jpg"):
        path = saved(tmp_path / name, Image.fromarray(noise))
        path.write_bytes(path.read_bytes()[:-500])
        with pytest.raises(ModelsError, match=rf"{name} is damaged or cut short"):
            open_image(path)


@pytest.mark.parametrize("content", [b"", b"not an image", b"GIF89a\x01\x00\x01\x00"])
def test_another_format_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ModelsError, match="not a PNG, JPEG, TIFF or DICOM"):
        open_image(tmp_path / "a.png")


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (40, 30)))
    assert open_image(path, maximum_pixels=1200).size == (40, 30)
    with pytest.raises(ModelsError, match=r"40 x 30 pixels, the limit is 1,199"):
        open_image(path, maximum_pixels=1199)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_refused(tmp_path: Path, side: int) -> None:
    data = png_bytes(Image.new("L", (4, 4)))
    header = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
    bomb = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(ModelsError, match=r"bomb\.png has .*; scale it down"):
        open_image(tmp_path / "bomb.png")


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.integers(0, 10**6))
def test_damaged_bytes_give_an_image_or_a_models_error(place: int, value: int, cut: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    data = bytearray(png_bytes(Image.fromarray(noise)))
    data[place % len(data)] = value
    try:
        image = decode_image(bytes(data[: len(data) - cut % 40]), name="x.png")
    except ModelsError:
        return
    assert image.mode == "RGB"


def test_the_digest_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")
    assert image_digest(tmp_path / "a.png") == hashlib.sha256(b"abc").hexdigest()
