"""Next-token logits of many prompts, each common start computed once: the torch side of `prefix_tree`."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from knowledge.language.attention import Prefix
from knowledge.language.prefix_tree import NODES, WORTH, Part, Planner, Row, Stem, Tree, grow

TOKENS_PER_BATCH = 1024
"""Bound of trees x tokens computed at once."""


class Branching:
    """What a network says after each row, as shares of groups of next tokens.

    Args:
        network: A causal model on the attention of `knowledge.language.attention`.
        groups: Token ids whose probabilities are added up.
        nodes: Bound of the tokens of one tree.
        worth: Tokens of a common start from which it is read by itself.
    """

    def __init__(
        self, network: Any, groups: Sequence[set[int]], *, nodes: int = NODES, worth: int = WORTH
    ) -> None:
        self.network = network
        self.nodes, self.worth = nodes, worth
        self.groups = [sorted(group) for group in groups]

    @torch.inference_mode()
    def probabilities(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Share of each group of next tokens among all groups: `(n, groups) float64`."""
        if not rows:
            return np.zeros((0, len(self.groups)))
        distinct = sorted({tuple(row) for row in rows})
        scores = np.zeros((len(distinct), len(self.groups)))
        self._read(Planner(distinct, nodes=self.nodes, worth=self.worth).plan(), distinct, None, scores)
        place = {row: i for i, row in enumerate(distinct)}
        weights = np.exp(scores - scores.max(1, keepdims=True))
        shares: NDArray[np.float64] = weights / weights.sum(1, keepdims=True)
        return shares[[place[tuple(row)] for row in rows]]

    def _read(
        self, stem: Stem, rows: Sequence[tuple[int, ...]], prefix: Prefix | None, found: NDArray[np.float64]
    ) -> None:
        if stem.length > stem.known:
            prefix = self._extended(prefix, rows[stem.first][stem.known : stem.length], stem.known)
        for batch in _batches(stem.parts):
            trees = [grow(rows[part.first : part.end], stem.length) for part in batch]
            for part, scores in zip(batch, self._scores(trees, prefix, stem.length), strict=True):
                found[part.first : part.end] = scores[len(scores) - (part.end - part.first) :]
        for longer in stem.stems:
            self._read(longer, rows, prefix, found)

    def _extended(self, prefix: Prefix | None, tokens: Row, known: int) -> Prefix:
        """Keys and values of a start, those of its own start included."""
        line = Tree(
            np.array(tokens, np.int64), np.arange(len(tokens)), np.tri(len(tokens), dtype=np.bool_), 1
        )
        layers = self._forward([line], prefix, known, keep=True).past_key_values.layers
        read = [(layer.keys, layer.values) for layer in layers]
        if prefix is None:
            return read
        return [
            (torch.cat([key, more], 2), torch.cat([value, further], 2))
            for (key, value), (more, further) in zip(prefix, read, strict=True)
        ]

    def _scores(self, trees: Sequence[Tree], prefix: Prefix | None, known: int) -> NDArray[np.float64]:
        """`(trees, most rows of a tree, groups)`, aligned at the end."""
        logits = self._forward(trees, prefix, known).logits
        scores = [logits[..., group].double().logsumexp(-1) for group in self.groups]
        values: NDArray[np.float64] = torch.stack(scores, -1).cpu().numpy()
        return values

    def _forward(
        self, trees: Sequence[Tree], prefix: Prefix | None, known: int, *, keep: bool = False
    ) -> Any:
        device = self.network.device
        width = max(len(tree.tokens) for tree in trees)
        ids, positions = (np.zeros((len(trees), width), np.int64) for _ in range(2))
        sees = np.zeros((len(trees), 1, width, width), np.bool_)
        for i, tree in enumerate(trees):
            pad = width - len(tree.tokens)
            ids[i, pad:], positions[i, pad:] = tree.tokens, known + tree.depth
            sees[i, 0, pad:, pad:] = tree.sees
        return self.network(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=_penalty(torch.from_numpy(sees).to(device)),
            position_ids=torch.from_numpy(positions).to(device),
            use_cache=keep,
            logits_to_keep=max(tree.ends for tree in trees),
            **({} if prefix is None else {"shared_prefix": prefix}),
        )


def _penalty(sees: Tensor) -> Tensor:
    return torch.where(sees, 0.0, torch.finfo(torch.float32).min)


def _batches(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Trees of similar size, padded to at most `TOKENS_PER_BATCH` tokens in all."""
    batch: list[Part] = []
    for part in sorted(parts, key=lambda part: (-part.size, part.first)):
        if batch and batch[0].size * (len(batch) + 1) > TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch
