"""Ordering candidates anew with a model that reads query and passage together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.transformer_folder import load_folder

_BATCH = 16
_MAX_TOKENS = 512


class Reranker(Protocol):
    """Says how well each passage answers a query."""

    def scores(self, query: str, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """One number a passage, larger is better: `(n,) float32`."""
        ...


def reranked(
    reranker: Reranker, query: str, rows: Sequence[int], passage: Callable[[int], Passage]
) -> list[tuple[int, float]]:
    """Rows and the reranker's scores, best first; equal scores keep their order."""
    if not rows:
        return []
    scores = reranker.scores(query, [passage(row) for row in rows])
    order = np.argsort(-scores, kind="stable")
    return [(rows[int(i)], float(scores[i])) for i in order]


class CrossEncoder:
    """A sequence classifier with one output, as the MedCPT or MS MARCO cross-encoders, from a local folder.

    Raises:
        KnowledgeError: The folder is incomplete, or its model has more than one output.
    """

    def __init__(self, directory: Path, *, device: str = "cpu") -> None:
        self._tokenizer, self._model = load_folder(directory, head="sequence classification")
        outputs = int(self._model.config.num_labels)
        if outputs != 1:
            raise KnowledgeError(
                f"The reranker {directory} has {outputs} outputs, not one score: choose a cross-encoder."
            )
        self._model.eval().to(device)
        self._device = device

    def scores(self, query: str, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """One number a passage, larger is better: `(n,) float32`; passages are cut at 512 tokens in all."""
        found = np.zeros(len(passages), dtype=np.float32)
        order = sorted(range(len(passages)), key=lambda i: len(passages[i].searchable))
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            found[some] = self._batch(query, [passages[i].searchable for i in some])
        return found

    def _batch(self, query: str, texts: list[str]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        longest = min(_MAX_TOKENS, int(self._model.config.max_position_embeddings))
        tokens = self._tokenizer(
            [query] * len(texts),
            texts,
            padding=True,
            truncation="longest_first",
            max_length=longest,
            return_tensors="pt",
        ).to(self._device)
        with torch.inference_mode():
            logits = self._model(**tokens).logits[:, 0].float().cpu()
        return np.asarray(logits.numpy(), dtype=np.float32)
