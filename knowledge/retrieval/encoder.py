"""Turning text into vectors for dense retrieval."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError

_WEIGHTS = "model.safetensors"
_TOKENIZERS = ("tokenizer.json", "vocab.txt")
_BATCH = 32
_MAX_TOKENS = 256


class PassageEncoder(Protocol):
    """Texts in, unit vectors out.

    `digest` names everything that the vectors depend on, so that they can be cached and an index is never
    searched with vectors of another encoder.
    """

    @property
    def digest(self) -> str:
        """Of weights, tokenizer and pooling."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length 1 a text: `(n, d) float32`."""
        ...


class MeanPoolingEncoder:
    """A BERT encoder in sentence-transformers format: the mean over tokens, scaled to length 1.

    `directory` holds `config.json`, `model.safetensors` and a tokenizer, as all-MiniLM-L6-v2 does. Text after
    256 tokens, or the smaller limit the folder names, is not read.

    Raises:
        KnowledgeError: A file is missing or of another kind.
    """

    def __init__(self, directory: Path, *, device: str = "cpu") -> None:
        _check_folder(directory)
        self._tokenizer, self._model = _load(directory)
        self._model.eval().to(device)
        self._device = device
        self._max_tokens = _max_tokens(directory)
        self._digest = _digest(directory, self._max_tokens)

    @property
    def digest(self) -> str:
        """Of weights, configuration, tokenizer, pooling and the limit of tokens."""
        return self._digest

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length 1 a text: `(n, d) float32`; texts of like length share a batch."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            vectors[some] = self._encode_batch([texts[i] for i in some])
        return vectors

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            hidden = self._model(**tokens).last_hidden_state  # (n, tokens, d)
            mask = tokens["attention_mask"].unsqueeze(-1)  # (n, tokens, 1)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            vectors = torch.nn.functional.normalize(mean, dim=1).float().cpu()
        return np.asarray(vectors.numpy(), dtype=np.float32)


def _load(directory: Path) -> tuple[Any, Any]:
    """Tokenizer and model, without the progress bar that transformers would draw."""
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    bars: Any = logging
    drawn = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        model = AutoModel.from_pretrained(directory, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise KnowledgeError(
            f"The passage encoder in {directory} cannot be loaded ({error}): fetch it again."
        ) from error
    finally:
        if drawn:
            bars.enable_progress_bar()
    return tokenizer, model


def _check_folder(directory: Path) -> None:
    for name in ("config.json", _WEIGHTS):
        if not (directory / name).is_file():
            raise KnowledgeError(
                f"The passage encoder {directory} has no {name}: give a sentence-transformers folder."
            )
    if not any((directory / name).is_file() for name in _TOKENIZERS):
        raise KnowledgeError(
            f"The passage encoder {directory} has no {' or '.join(_TOKENIZERS)}: add the tokenizer."
        )
    pooling = _settings(directory / "1_Pooling" / "config.json")
    if pooling and not pooling.get("pooling_mode_mean_tokens", False):
        raise KnowledgeError(
            f"The passage encoder {directory} does not pool by the mean: choose one that does."
        )


def _max_tokens(directory: Path) -> int:
    limit = _settings(directory / "sentence_bert_config.json").get("max_seq_length")
    return min(_MAX_TOKENS, limit) if isinstance(limit, int) else _MAX_TOKENS


def _settings(file: Path) -> dict[str, object]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise KnowledgeError(f"{file} is not JSON ({error}): fetch the encoder again.") from error
    if not isinstance(settings, dict):
        raise KnowledgeError(f"{file} is not a JSON object: fetch the encoder again.")
    return settings


def _digest(directory: Path, max_tokens: int) -> str:
    digest = hashlib.sha256(f"mean pooling, unit length, {max_tokens} tokens".encode())
    for name in ("config.json", _WEIGHTS, *_TOKENIZERS, "tokenizer_config.json"):
        if (directory / name).is_file():
            with (directory / name).open("rb") as file:
                digest.update(f"\n{name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()
