"""Says exactly what made a vector, as one SHA-256."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from models.images import bytes_digest

VERSION = 1  # of the package; another one whenever it gives other vectors for the same network


def encoder_digest(architecture: str, weights_digest: str, config: Mapping[str, Any]) -> str:
    """SHA-256 in hex over what decides a vector."""
    about = {
        "version": VERSION,
        "architecture": architecture,
        "preprocessing": dict(config),
        "weights": weights_digest,
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file that may be larger than the memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_digest(paths: list[Path]) -> str:
    """SHA-256 over the contents of files in the order of their names, wherever they lie."""
    return bytes_digest("\n".join(f"{path.name} {file_digest(path)}" for path in sorted(paths)).encode())


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
