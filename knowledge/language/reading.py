"""A batch of prompts being read by a network, each token computed as rarely as possible."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from knowledge.language.attention import NAME, Prefix

TAIL = 4
"""Prompts that differ in their last tokens only (the opening of an answer) are read once up to there."""


def common_prefix(rows: Sequence[Sequence[int]]) -> int:
    """How many leading tokens all rows share; more than `TAIL` tokens of each row are left outside."""
    first, last = min(map(list, rows)), max(map(list, rows))
    limit = max(0, min(map(len, rows)) - TAIL - 1)
    return next((i for i in range(limit) if first[i] != last[i]), limit)


class Reading:
    """What a network knows of each row so far.

    Attributes:
        logits: `(n, vocabulary) float32` for the next token.
        mask: `(n, length) bool`, false where a row is padded on the left; without the shared prefix.
        cache: Keys and values of the rows' own tokens.
    """

    logits: Tensor

    def __init__(self, network: Any, rows: Sequence[Sequence[int]]) -> None:
        self.network = network
        sharing = network.config._attn_implementation == NAME  # noqa: SLF001 # no public name for it
        shared = common_prefix(rows) if sharing and len(rows) > 1 else 0
        self.start = shared
        self.prefix = self._read_prefix(rows[0][:shared])
        self.cache: Any = None
        self.mask = torch.zeros((0, 0), dtype=torch.bool, device=network.device)
        self._read([row[shared:] for row in rows])

    def _read_prefix(self, prefix: Sequence[int]) -> Prefix | None:
        if not prefix:
            return None
        self.prefix, self.start, start = None, 0, self.start
        self.cache, self.mask = (
            None,
            torch.ones((1, len(prefix)), dtype=torch.bool, device=self.network.device),
        )
        self._forward(torch.tensor([list(prefix)], device=self.network.device))
        self.start = start
        return [(layer.keys, layer.values) for layer in self.cache.layers]

    def _read(self, rows: Sequence[Sequence[int]]) -> None:
        """Read heads that rows have in common once, then the tail of each row."""
        tail = min(TAIL, min(map(len, rows)) - 1)
        heads = [tuple(row[: len(row) - tail]) for row in rows]
        distinct = list(dict.fromkeys(heads))
        self.mask = torch.zeros((len(distinct), max(map(len, distinct))), dtype=torch.bool)
        ids = torch.zeros(self.mask.shape, dtype=torch.long)
        for i, head in enumerate(distinct):
            ids[i, ids.shape[1] - len(head) :] = torch.tensor(head)
            self.mask[i, ids.shape[1] - len(head) :] = True
        self.mask = self.mask.to(self.network.device)
        self._forward(ids.to(self.network.device))
        if tail:
            self.select([distinct.index(head) for head in heads])
            self.step([list(row[len(row) - tail :]) for row in rows])

    def _forward(self, ids: Tensor) -> None:
        width, length = ids.shape[1], self.mask.shape[1]
        positions = self.start + (self.mask.cumsum(1) - 1).clamp(min=0)[:, -width:]
        causal = torch.ones((width, length), dtype=torch.bool, device=ids.device).tril(length - width)
        allowed = causal & self.mask[:, None, None, :]
        floor = torch.finfo(torch.float32).min
        more = {} if self.prefix is None else {"shared_prefix": self.prefix}
        reply = self.network(
            input_ids=ids,
            attention_mask=torch.where(allowed, 0.0, floor),
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
            **more,
        )
        self.cache = reply.past_key_values
        self.logits = reply.logits[:, -1].float()

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows; a row may be named several times."""
        if list(rows) == list(range(len(self.mask))):
            return
        index = torch.tensor(rows, device=self.mask.device)
        self.cache.batch_select_indices(index)
        self.mask = self.mask[index]
        self.logits = self.logits[index]

    def step(self, tokens: Sequence[Sequence[int]]) -> None:
        """Read further tokens, the same number for each row."""
        ids = torch.tensor(tokens, device=self.mask.device)
        self.mask = torch.cat([self.mask, torch.ones_like(ids, dtype=torch.bool)], 1)
        self._forward(ids)
