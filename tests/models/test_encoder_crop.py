from typing import Any

import numpy as np
import pytest
from PIL import Image
from timm.data.transforms_factory import create_transform

from models.encoders.timm_models import WHOLE_IMAGE, crop_of


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_and_coloured_images_are_cropped_to_the_pixels_of_timm(mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (70, 50, 3), dtype=np.uint8)
    image = Image.fromarray(noise).convert(mode)
    config: dict[str, Any] = {
        "input_size": (3, 32, 32),
        "interpolation": "bicubic",
        "mean": (0.5,),
        "std": (0.5,),
    }
    for way in ({}, WHOLE_IMAGE):
        whole: dict[str, Any] = config | way
        expected = create_transform(**whole, use_prefetcher=True)(image.convert("RGB"))
        np.testing.assert_array_equal(crop_of(whole)(image), np.asarray(expected).transpose(1, 2, 0))
