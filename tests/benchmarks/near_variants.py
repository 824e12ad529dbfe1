"""What is done to an image to plant a copy of it: the ways a picture comes into a data set a second time."""

from collections.abc import Callable
from functools import partial
from io import BytesIO

from PIL import Image, ImageEnhance

Change = Callable[[Image.Image], Image.Image]


def encoded_again(image: Image.Image, quality: int) -> Image.Image:
    """Through JPEG."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def resized(image: Image.Image, factor: float) -> Image.Image:
    """Both sides by the same factor."""
    size = round(image.width * factor), round(image.height * factor)
    return image.resize(size, Image.Resampling.BICUBIC)


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Without these shares of its sides."""
    wide, high = image.size
    first = round(left * wide), round(top * high)
    last = round(wide - right * wide), round(high - bottom * high)
    return image.crop((*first, *last))


def with_gamma(image: Image.Image, exponent: float) -> Image.Image:
    """Grey values raised to a power."""
    return image.point([round(255 * (value / 255) ** exponent) for value in range(256)] * 3)


def brighter(image: Image.Image, factor: float) -> Image.Image:
    """All grey values by the same factor."""
    return ImageEnhance.Brightness(image).enhance(factor)


def variants() -> dict[str, Change]:
    """What is done to an image, by name; a name is a row of the table."""
    ways: dict[str, Change] = {f"JPEG {q}": partial(encoded_again, quality=q) for q in (30, 50, 70, 90, 95)}
    ways |= {f"resized by {factor}": partial(resized, factor=factor) for factor in (0.5, 0.75, 1.5, 2)}
    ways["squeezed to a square"] = lambda image: image.resize((224, 224), Image.Resampling.BICUBIC)
    for share in (0.02, 0.04, 0.06, 0.08, 0.1):
        ways[f"cropped by {share:.0%} on every side"] = partial(
            cropped, left=share, top=share, right=share, bottom=share
        )
    for share in (0.05, 0.1):
        ways[f"cropped by {share:.0%} on one side"] = partial(cropped, left=share, top=0, right=0, bottom=0)
        ways[f"cropped by {share:.0%} on two sides"] = partial(
            cropped, left=0, top=0, right=share, bottom=share
        )
    ways |= {f"brightness {factor}": partial(brighter, factor=factor) for factor in (0.7, 0.85, 1.15, 1.3)}
    for factor in (0.7, 1.3):
        ways[f"contrast {factor}"] = partial(
            lambda image, factor: ImageEnhance.Contrast(image).enhance(factor), factor=factor
        )
    ways |= {f"gamma {exponent}": partial(with_gamma, exponent=exponent) for exponent in (0.7, 1.4)}
    ways["grey"] = lambda image: image.convert("L").convert("RGB")
    ways["cropped by 5%, resized by 0.75, JPEG 50"] = lambda image: encoded_again(
        resized(cropped(image, 0.05, 0.05, 0.05, 0.05), 0.75), 50
    )
    ways["cropped by 3%, brightness 1.2, JPEG 30"] = lambda image: encoded_again(
        brighter(cropped(image, 0.03, 0.03, 0.03, 0.03), 1.2), 30
    )
    ways["mirrored"] = lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    ways["rotated by 3 degrees"] = lambda image: image.rotate(3, Image.Resampling.BICUBIC)
    return ways
