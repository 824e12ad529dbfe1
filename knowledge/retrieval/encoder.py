"""Turning text into vectors for dense retrieval."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.transformer_folder import (
    check_folder,
    folder_digest,
    load_folder,
    pools,
    token_limit,
)

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


@runtime_checkable
class ArticleEncoder(PassageEncoder, Protocol):
    """An encoder that reads articles in another way than queries: `encode` is for queries."""

    def encode_articles(self, articles: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """One vector for each title and text: `(n, d) float32`."""
        ...


def encode_passages(encoder: PassageEncoder, passages: Sequence[Passage]) -> NDArray[np.float32]:
    """One vector a passage, of its title and text: `(n, d) float32`."""
    if isinstance(encoder, ArticleEncoder):
        return encoder.encode_articles([(passage.title, passage.text) for passage in passages])
    return encoder.encode([passage.searchable for passage in passages])


class MeanPoolingEncoder:
    """A BERT encoder in sentence-transformers format: the mean over tokens, scaled to length 1.

    `directory` holds `config.json`, `model.safetensors` and a tokenizer, as all-MiniLM-L6-v2 does. Text after
    256 tokens, or the smaller limit the folder names, is not read.

    Raises:
        KnowledgeError: A file is missing or of another kind.
    """

    def __init__(self, directory: Path, *, device: str = "cpu") -> None:
        check_folder(directory)
        if not pools(directory, "mean_tokens", unnamed=True):
            raise KnowledgeError(
                f"The passage encoder {directory} does not pool by the mean: choose one that does."
            )
        self._tokenizer, self._model = load_folder(directory)
        self._model.eval().to(device)
        self._directory, self._device = directory, device
        self._max_tokens = token_limit(directory, _MAX_TOKENS)
        self._digest = folder_digest(directory, f"mean pooling, unit length, {self._max_tokens} tokens")

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """A worker process loads the folder itself: only its path travels."""
        return type(self), (self._directory,)

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
