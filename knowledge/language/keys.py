"""What a reply is kept under: everything that it depends on, hashed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from knowledge.language.protocol import Sampling
from knowledge.language.shapes import Shape


def completion_key(model: str, prompt: str, sampling: Sampling) -> str:
    """What a completion is kept under."""
    return _key(["complete", model, prompt, asdict(sampling)])


def choice_key(model: str, prompt: str, options: Sequence[str]) -> str:
    """What the probabilities of options are kept under."""
    return _key(["choose", model, prompt, list(options)])


def structured_key(model: str, prompt: str, shape: Shape, max_tokens: int) -> str:
    """What a structured reply is kept under."""
    return _key(["structured", model, prompt, shape.schema(), max_tokens])


def _key(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
