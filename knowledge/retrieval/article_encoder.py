"""Encoders with a side for queries and one for articles, as MedCPT (Jin et al., Bioinformatics 2023)."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.retrieval.encoder import MeanPoolingEncoder, PassageEncoder
from knowledge.retrieval.transformer_folder import check_folder, folder_digest, load_folder, pools

QUERY, ARTICLE = "query", "article"
"""Folders, below the one that is named, of the two sides."""

_QUERY_TOKENS, _ARTICLE_TOKENS = 64, 512
_BATCH = 32


class MedCptEncoder:
    """Two BERT encoders whose first state is the vector, compared by inner product; vectors are not scaled.

    A query is cut at 64 tokens; an article goes in as the pair of title and text, cut at 512.

    Args:
        directory: Holds the folders `query` and `article`, each as downloaded.
        device: Of torch.

    Raises:
        KnowledgeError: A file is missing, or the two sides do not fit.
    """

    def __init__(self, directory: Path, *, device: str = "cpu") -> None:
        self._directory = directory
        self._queries = _Side(directory / QUERY, _QUERY_TOKENS, device)
        self._articles = _Side(directory / ARTICLE, _ARTICLE_TOKENS, device)
        if self._queries.dimension != self._articles.dimension:
            raise KnowledgeError(
                f"The encoders in {directory} give vectors of {self._queries.dimension} and "
                f"{self._articles.dimension} numbers: take query and article encoder of one model."
            )
        sides = f"{self._queries.digest} {self._articles.digest}"
        self._digest = hashlib.sha256(sides.encode()).hexdigest()

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """A worker process loads the folder itself: only its path travels."""
        return type(self), (self._directory,)

    @property
    def digest(self) -> str:
        """Of both sides."""
        return self._digest

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._queries.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a query: `(n, d) float32`."""
        return self._queries.encode(texts, lambda some: [[texts[i] for i in some]])

    def encode_articles(self, articles: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """One vector for each title and text: `(n, d) float32`."""
        texts = [f"{title} {text}" for title, text in articles]
        return self._articles.encode(
            texts, lambda some: [[articles[i][0] for i in some], [articles[i][1] for i in some]]
        )


class _Side:
    """One encoder that is pooled by its first state."""

    def __init__(self, directory: Path, most: int, device: str) -> None:
        check_folder(directory)
        if not pools(directory, "cls_token", unnamed=True):
            raise KnowledgeError(
                f"The passage encoder {directory} does not pool by its first state: choose one that does."
            )
        self._tokenizer, self._model = load_folder(directory)
        self._model.eval().to(device)
        self._device = device
        self._most = min(most, int(self._model.config.max_position_embeddings))
        self.dimension = int(self._model.config.hidden_size)
        self.digest = folder_digest(directory, f"first state, {self._most} tokens")

    def encode(
        self, texts: Sequence[str], fields: Callable[[list[int]], list[list[str]]]
    ) -> NDArray[np.float32]:
        """`(n, d) float32`; texts of like length share a batch."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            vectors[some] = self._batch(fields(some))
        return vectors

    def _batch(self, fields: list[list[str]]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        tokens: Any = self._tokenizer(
            *fields, padding=True, truncation=True, max_length=self._most, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            first = self._model(**tokens).last_hidden_state[:, 0].float().cpu()  # (n, d)
        return np.asarray(first.numpy(), dtype=np.float32)


def load_encoder(directory: Path) -> PassageEncoder:
    """The encoder in a folder: two sides where it holds `query` and `article`, else mean pooling.

    Raises:
        KnowledgeError: It is neither.
    """
    if (directory / QUERY).is_dir() and (directory / ARTICLE).is_dir():
        return MedCptEncoder(directory)
    return MeanPoolingEncoder(directory)
