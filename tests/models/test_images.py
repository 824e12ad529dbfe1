import hashlib
import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import ImageError, ModelsError
from models.images import decode_grey_or_rgb, decode_image, image_digest, open_image, read_bytes, tell_broken


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


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_a_tiff_is_read_as_it_is(tmp_path: Path, options: dict[str, object]) -> None:
    image = open_image(saved(tmp_path / "a.tif", Image.fromarray(COLOURS), **options))
    np.testing.assert_array_equal(np.asarray(image), COLOURS)


def test_a_tiff_of_sixteen_bits_is_scaled_like_a_png(tmp_path: Path) -> None:
    wide = np.array([[0, 257, 128, 129, 40000, 65535]], dtype=np.uint16)
    image = open_image(saved(tmp_path / "a.tiff", Image.fromarray(wide)))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 1, 0, 1, round(40000 / 257), 255]


def test_a_tiff_in_which_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    for kind, top in ((np.uint8, 255), (np.uint16, 65535)):
        ramp = np.linspace(0, top, 6).astype(kind)[None]
        path = saved(tmp_path / "a.tif", Image.fromarray(ramp))
        tag = b"\x06\x01\x03\x00\x01\x00\x00\x00"  # photometric interpretation, one short
        data = path.read_bytes()
        assert data.count(tag + b"\x01") == 1
        path.write_bytes(data.replace(tag + b"\x01", tag + b"\x00"))
        assert np.asarray(open_image(path))[0, :, 0].tolist() == [255, 204, 153, 102, 51, 0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.2, 1.0], [0, 51, 255]),  # a share of one
        ([-100.0, 0.0, 400.0], [0, 51, 255]),  # no scale is known: lowest to highest
        ([7.0, 7.0, 7.0], [0, 0, 0]),
        ([np.nan, 1.0, np.inf], [0, 255, 0]),
    ],
)
def test_fractions_in_a_tiff_are_shares_or_a_range(
    tmp_path: Path, values: list[float], expected: list[int]
) -> None:
    image = open_image(saved(tmp_path / "a.tif", Image.fromarray(np.array([values], dtype=np.float32))))
    assert np.asarray(image)[0, :, 0].tolist() == expected


@pytest.mark.parametrize(("kind", "deep"), [(np.float32, 12), (np.int32, 12), (np.uint16, 8)])
def test_wide_values_are_scaled_in_little_more_than_their_own_memory(
    kind: type[np.generic], deep: int
) -> None:
    values = (np.arange(2_000_000) % 60_000).reshape(1000, 2000).astype(kind)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF", compression="tiff_adobe_deflate")
    tracemalloc.start()
    try:
        found = np.asarray(decode_grey_or_rgb(file.getvalue(), name="a.tif"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    top = float(values.max()) if kind is np.float32 else 65535
    np.testing.assert_array_equal(found, np.rint(values.astype(float) / top * 255).astype(np.uint8))
    assert peak < deep * values.size + 5_000_000


def test_several_pages_or_frames_are_counted_and_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS), Image.fromarray(COLOURS // 2)]
    for name in ("a.tif", "a.png"):
        saved(tmp_path / name, pages[0], save_all=True, append_images=pages[1:])
        with pytest.raises(ModelsError, match=rf"{name} holds 3 images; save each"):
            open_image(tmp_path / name)


def test_the_first_picture_of_a_phone_is_the_picture(tmp_path: Path) -> None:
    flat = [Image.new("RGB", (16, 16), (value, value, value)) for value in (200, 10)]
    path = saved(tmp_path / "a.jpg", flat[0], format="MPO", save_all=True, append_images=flat[1:])
    assert open_image(path).getpixel((8, 8)) == (200, 200, 200)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_one_bit_is_black_and_white(tmp_path: Path, name: str) -> None:
    image = open_image(saved(tmp_path / name, Image.fromarray(np.array([[True, False, True]]))))
    assert np.asarray(image)[0, :, 0].tolist() == [255, 0, 255]


def test_transparent_colours_of_a_palette_lie_on_black(tmp_path: Path) -> None:
    two = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    two.putpalette([10, 20, 30, 200, 100, 50])
    image = open_image(saved(tmp_path / "a.png", two, transparency=1))
    assert np.asarray(image).tolist() == [[[10, 20, 30], [0, 0, 0]]]


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_in_every_format_is_applied_once(
    tmp_path: Path, name: str, orientation: int
) -> None:
    quarters = np.kron(np.array([[0, 80], [160, 240]], dtype=np.uint8), np.ones((8, 16), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = np.asarray(open_image(saved(tmp_path / name, Image.fromarray(quarters), exif=exif)))[..., 0]
    turned = [quarters, quarters[:, ::-1], quarters[::-1, ::-1], quarters[::-1]]
    turned += [each.T for each in (quarters, quarters[::-1], quarters[::-1, ::-1], quarters[:, ::-1])]
    np.testing.assert_allclose(image, turned[orientation - 1], atol=3)


def test_a_file_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(bytes(1001))
    with pytest.raises(ModelsError, match=r"a\.png has more than 1,000 bytes"):
        read_bytes(tmp_path / "a.png", maximum=1000)
    assert len(read_bytes(tmp_path / "a.png", maximum=1001)) == 1001


def test_broken_images_are_counted_and_the_first_three_named(caplog: pytest.LogCaptureFixture) -> None:
    faults = [f"{number}.png is damaged" for number in range(5)]
    tell_broken([], lost=0, total=9, stop=True)
    assert not caplog.records
    tell_broken(faults, lost=5, total=9, stop=False)
    assert caplog.messages == ["5 of 9 images cannot be used, and are left out"]
    for stop, total in ((True, 9), (False, 5)):
        with pytest.raises(ImageError) as caught:
            tell_broken(faults, lost=5, total=total, stop=stop, listed="list.txt")
        counted = f"5 of {total} images cannot be used"
        mend = 'mend or remove them, or set on_broken = "skip"'
        first = "0.png is damaged; 1.png is damaged; 2.png is damaged"
        assert str(caught.value) == f"{counted}: {first}; {mend}"
        assert caught.value.unnamed == f"{counted} (list.txt names them); {mend}"


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
