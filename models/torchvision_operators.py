"""Lets torchvision be imported beside a torch it was not built for, by declaring the operators it looks up.

Import this module before torchvision, timm or the image classes of transformers. A CUDA torchvision
cannot load its compiled operators next to a CPU torch; its import then stops at "operator torchvision::nms
does not exist". Nothing here calls these operators, so their schemas are enough. Where the compiled operators
load, or torchvision is absent, this module does nothing.
"""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def missing_operators() -> list[str]:
    """The names in `SCHEMAS` that torch does not know."""
    return [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]


def load_compiled_operators() -> None:
    """Load torchvision's own operators without importing torchvision; loading them twice is harmless."""
    spec = find_spec("torchvision")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    for library in sorted(folder.glob("_C*.so")) + sorted(folder.glob("_C*.pyd")) if folder else []:
        with suppress(OSError):
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call] # torch leaves it untyped


def declare_missing_operators() -> torch.library.Library | None:
    """Define what is missing; keep the returned library alive, for its end takes the operators along."""
    if not find_spec("torchvision") or not missing_operators():
        return None
    load_compiled_operators()
    missing = missing_operators()
    if not missing:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in missing:
        library.define(SCHEMAS[name])  # type: ignore[no-untyped-call]
    return library


LIBRARY = declare_missing_operators()
