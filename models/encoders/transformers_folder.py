"""Reads a folder in the Hugging Face layout with transformers, and says what is wrong with it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

import models.torchvision_operators  # noqa: F401  # before transformers' image classes
from models.encoders.sources import PICKLES, SAFE
from models.errors import ModelsError

HEADS = ("classifier.", "decoder.", "lm_head.")  # of a training task; not part of the features
TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")


def read_config(folder: Path) -> dict[str, Any]:
    """The network's description."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    except OSError as error:
        raise ModelsError(f"{folder} has no config.json; give a folder in the Hugging Face layout") from error
    except ValueError as error:
        raise ModelsError(f"{folder / 'config.json'} is not JSON; fetch it again") from error
    return config


def require_safetensors(folder: Path) -> None:
    """Refuse a folder that has no weights, or only pickles."""
    if any(folder.glob(SAFE)):
        return
    pickles = sorted(each.name for pattern in PICKLES for each in folder.glob(pattern))
    if pickles:
        raise ModelsError(f"{folder / pickles[0]} is a pickle, which can run code; convert it to safetensors")
    raise ModelsError(f"{folder} has no weights; a safetensors file is needed")


def load_model(folder: Path) -> nn.Module:
    """The network with exactly the weights it needs."""
    from transformers import AutoModel  # noqa: PLC0415  # takes seconds
    from transformers.utils import logging as bars  # noqa: PLC0415

    bars.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, about = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            output_loading_info=True,
        )
    except SafetensorError as error:
        raise ModelsError(
            f"{folder} has no whole safetensors file ({error}); fetch its weights again"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelsError(f"{folder} cannot be opened ({first_line(error)}); fetch it again") from error
    require_matching(folder, about)
    network: nn.Module = model
    return network


def require_matching(folder: Path, about: Mapping[str, Any]) -> None:
    """Refuse the weights of another network, by the name of a tensor."""
    unknown = [name for name in about["unexpected_keys"] if not name.startswith(HEADS)]
    reshaped = [each[0] for each in about["mismatched_keys"]]
    for fault, names in (
        ("lack", about["missing_keys"]),
        ("have the unknown", unknown),
        ("have another shape of", reshaped),
    ):
        if names:
            message = f"the weights in {folder} {fault} {len(names)} tensors (first {min(names)})"
            raise ModelsError(f"{message} of the network in its config.json; fetch both from one commit")


def load_processor(folder: Path) -> Any:
    """The library's class that resizes, crops and scales, with the folder's settings."""
    from transformers import AutoImageProcessor  # noqa: PLC0415  # takes seconds

    try:
        return AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            folder, backend="pil", local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        message = f"{folder / 'preprocessor_config.json'} is missing or damaged ({first_line(error)})"
        raise ModelsError(f"{message}; fetch it again") from error


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer."""
    from transformers import AutoTokenizer  # noqa: PLC0415  # takes seconds

    if not any((folder / name).exists() for name in TOKENIZERS):  # the library would make an empty one
        names = ", ".join(TOKENIZERS)
        raise ModelsError(f"{folder} has no tokenizer to encode texts with; add one of {names}")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the tokenizer in {folder} is damaged ({first_line(error)})"
        raise ModelsError(f"{message}; fetch it again") from error


def first_line(error: Exception) -> str:
    """Of what a library said."""
    return str(error).strip().split("\n", 1)[0]
