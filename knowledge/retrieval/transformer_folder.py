"""Reading a transformer encoder from a local folder: its tokenizer, its weights, its digest."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from knowledge.errors import KnowledgeError

_WEIGHTS = "model.safetensors"
_TOKENIZERS = ("tokenizer.json", "vocab.txt")


def load_folder(
    directory: Path, *, head: Literal["none", "sequence classification"] = "none"
) -> tuple[Any, Any]:
    """Tokenizer and model, without the progress bar that transformers would draw.

    Raises:
        KnowledgeError: A file is missing, or of another kind.
    """
    what = "passage encoder" if head == "none" else "reranker"
    check_folder(directory, what=what)
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    bars: Any = logging
    drawn = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    loader: Any = AutoModel if head == "none" else AutoModelForSequenceClassification
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        model = loader.from_pretrained(directory, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise KnowledgeError(
            f"The {what} in {directory} cannot be loaded ({error}): fetch it again."
        ) from error
    finally:
        if drawn:
            bars.enable_progress_bar()
    return tokenizer, model


def check_folder(directory: Path, *, what: str = "passage encoder") -> None:
    """Whether configuration, weights and tokenizer are there.

    Raises:
        KnowledgeError: One is not.
    """
    for name in ("config.json", _WEIGHTS):
        if not (directory / name).is_file():
            raise KnowledgeError(
                f"The {what} {directory} has no {name}: give a folder of transformers weights."
            )
    if not any((directory / name).is_file() for name in _TOKENIZERS):
        raise KnowledgeError(f"The {what} {directory} has no {' or '.join(_TOKENIZERS)}: add the tokenizer.")


def pools(directory: Path, way: Literal["mean_tokens", "cls_token"], *, unnamed: bool) -> bool:
    """Whether the folder says that its vectors are pooled this way; `unnamed` where it says nothing."""
    pooling = settings(directory / "1_Pooling" / "config.json")
    return bool(pooling.get(f"pooling_mode_{way}", False)) if pooling else unnamed


def token_limit(directory: Path, most: int) -> int:
    """`most`, or the smaller limit that the folder names."""
    limit = settings(directory / "sentence_bert_config.json").get("max_seq_length")
    return min(most, limit) if isinstance(limit, int) else most


def settings(file: Path) -> dict[str, object]:
    """A JSON object, empty where there is no file.

    Raises:
        KnowledgeError: The file holds something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise KnowledgeError(f"{file} is not JSON ({error}): fetch the encoder again.") from error
    if not isinstance(found, dict):
        raise KnowledgeError(f"{file} is not a JSON object: fetch the encoder again.")
    return found


def folder_digest(directory: Path, treatment: str) -> str:
    """Of weights, configuration, tokenizer and what is done with the states."""
    digest = hashlib.sha256(treatment.encode())
    for name in ("config.json", _WEIGHTS, *_TOKENIZERS, "tokenizer_config.json"):
        if (directory / name).is_file():
            with (directory / name).open("rb") as file:
                digest.update(f"\n{name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()
