"""The paper's control without any network: the first grey values of a small image."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.encoders.digest import encoder_digest

SIDE, KEPT = 28, 768


class RawPixels:
    """The first 768 values of the image in grey, 28 x 28, each in [0, 1].

    KnoBo (arXiv 2405.14839), figure 2 and table 11: as many values as the features of its networks. The
    order of steps is ours: grey first, then bicubic resizing of the whole image.
    """

    dimension = KEPT
    group = None

    def __init__(self) -> None:
        about = {"side": SIDE, "kept": KEPT, "mode": "L", "interpolation": "bicubic", "scale": "1/255"}
        self.digest = encoder_digest("raw_pixels", "", about)

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Pixels `(28, 28, 3)`, three times the same channel."""
        grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        return np.repeat(np.asarray(grey)[..., None], 3, axis=2)

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, 768)` of pixels `(n, 28, 28, 3)`, in their order."""
        return pixels[..., 0].reshape(len(pixels), SIDE * SIDE)[:, :KEPT].astype(np.float32) / np.float32(255)
