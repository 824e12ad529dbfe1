"""Any timm network as an encoder: its own pooled features, or an inner map averaged over a grid."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from models.encoders.digest import file_digest, tensors_digest
from models.encoders.grid import GridPooling
from models.encoders.network import AUTOMATIC, Crop, NetworkEncoder, Place, Recipe
from models.encoders.running import PixelScaling
from models.encoders.weights import create_model, headless_model

WHOLE_IMAGE = {"crop_pct": 1.0, "crop_mode": "squash"}


def pooled_encoder(architecture: str, weights: Path, *, place: Place = AUTOMATIC) -> NetworkEncoder:
    """A timm network without its classifier; resizing, cropping and scaling follow its own data config.

    Args:
        architecture: A timm model name; its tag chooses the data config (`vit_base_patch16_224.dino`).
        weights: Safetensors file with timm's tensor names.
        place: Where it runs.

    Raises:
        ModelsError: Unknown architecture, device that is not there, weights of another network.
    """
    model = headless_model(architecture, weights)
    config = data_config(model)
    return timm_encoder(model, config, Recipe(architecture, file_digest(weights), config), place=place)


def grid_encoder(
    architecture: str, weights: Path, *, stride: int = 16, cells: int = 3, place: Place = AUTOMATIC
) -> NetworkEncoder:
    """An inner map of a timm network, averaged over a grid of cells: a vector says where as well as what.

    The pooled last layer of an ImageNet network says which object is seen anywhere; clinical signs have
    places (a costophrenic angle, an apex, a lesion's border). The whole image is scaled to the input size and
    nothing is cropped away. On the reports half of the Indiana X-rays, detectors of 38 signs reach a
    cross-validated AUROC of 0.70 on stride 16 and a 3 x 3 grid of `tf_efficientnet_lite0`, and 0.67 on its
    pooled last layer.

    Args:
        architecture: A timm convolutional network.
        weights: Safetensors file with timm's tensor names.
        stride: Of the map, in pixels of the input.
        cells: Of the grid along each side.
        place: Where it runs.

    Raises:
        ModelsError: As `pooled_encoder`, and a network without a map of that stride.
    """
    model = headless_model(architecture, weights)
    config = data_config(model) | WHOLE_IMAGE
    recipe = Recipe(architecture, file_digest(weights), config | {"stride": stride, "cells": cells})
    gridded = GridPooling(model, stride=stride, cells=cells)
    return timm_encoder(gridded, config, recipe, place=place)


def untrained_encoder(architecture: str, *, seed: int = 0, place: Place = AUTOMATIC) -> NetworkEncoder:
    """A network as initialised: what its structure alone makes of an image (the paper's deep image prior).

    KnoBo (arXiv 2405.14839), figure 2 and table 11: a linear layer on the features of an untrained network
    helps on photographs and not on medical images, against `RawPixels`. The paper draws from Kaiming's
    distribution; here each architecture draws as timm initialises it.

    Args:
        architecture: A timm model name; the paper's are `vit_large_patch14_224` and `convnext_large`.
        seed: Of the random weights.
        place: Where it runs.

    Raises:
        ModelsError: Unknown architecture, device that is not there.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = create_model(architecture, num_classes=0)
    config = data_config(model)
    recipe = Recipe(architecture, tensors_digest(model.state_dict()), config | {"untrained_seed": seed})
    return timm_encoder(model, config, recipe, place=place)


def timm_encoder(
    model: nn.Module, config: Mapping[str, Any], recipe: Recipe, *, place: Place
) -> NetworkEncoder:
    """A network with timm's own preprocessing."""
    scaling = PixelScaling(tuple(config["mean"]), tuple(config["std"]))
    return NetworkEncoder(model, crop=crop_of(config), scaling=scaling, recipe=recipe, place=place)


def crop_of(config: Mapping[str, Any]) -> Crop:
    """Resizing and cropping as timm does them."""
    from timm.data.transforms_factory import create_transform  # noqa: PLC0415  # timm takes seconds

    *steps, _ = create_transform(**config, use_prefetcher=True).transforms  # the last makes a tensor of it

    def crop(image: Image.Image) -> NDArray[np.uint8]:
        for step in steps:
            image = step(image)
        pixels = np.asarray(image)
        grey = pixels.ndim == 2
        return np.repeat(pixels[..., None], 3, axis=2) if grey else pixels

    return crop


def data_config(model: nn.Module) -> dict[str, Any]:
    """Preprocessing of a network, as timm describes it."""
    from timm.data.config import resolve_data_config  # noqa: PLC0415  # timm takes seconds

    config: dict[str, Any] = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
    return config
