"""Attention in which all rows of a batch share the keys and values of a common prefix.

A few-shot prompt is mostly the same examples. Kept once instead of once a row, they cost a fraction of the
memory traffic that otherwise takes most of the time on a CPU. The result is the usual attention: one softmax
over prefix and row.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

NAME = "knobo_shared_prefix"
ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
"""Architectures with plain causal attention that hand keyword arguments down to the attention function."""

MANY_QUERIES = 64
"""From this many tokens a row on, scores of all of them at once cost more than a copy of the prefix a row."""

Prefix = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, each `(1, key heads, prefix, width)`."""


def shares_prefix(config: Any) -> bool:
    """Whether a network of this configuration can run on this attention."""
    window = getattr(config, "use_sliding_window", True) and getattr(config, "sliding_window", None)
    return config.model_type in ARCHITECTURES and not window


def register() -> str:
    """Make the attention known to transformers; returns the name to load a network with."""
    from transformers import AttentionInterface  # noqa: PLC0415 # heavy

    AttentionInterface.register(NAME, shared_prefix_attention)
    return NAME


def shared_prefix_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float,
    shared_prefix: Prefix | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend to the prefix and to the row's own tokens.

    Args:
        module: The attention layer; names the layer's prefix.
        query: `(n, heads, q, width)`.
        key: `(n, key heads, s, width)`; consecutive heads share a key head.
        value: `(n, key heads, s, width)`.
        attention_mask: `(n, 1, q, s)`, added to the scores of the row's own tokens.
        scaling: Factor of the scores.
        shared_prefix: What all rows have read before.

    Returns:
        `(n, q, heads, width)`, and no weights.
    """
    prefix = None if shared_prefix is None else shared_prefix[module.layer_idx]
    if query.shape[2] >= MANY_QUERIES:
        return _in_blocks(query, key, value, attention_mask, prefix=prefix, scaling=scaling), None
    n, heads, q, width = query.shape
    groups = key.shape[1]
    grouped = (query * scaling).reshape(n, groups, heads // groups * q, width)
    own = (grouped @ key.transpose(-1, -2)).reshape(n, groups, heads // groups, q, -1)
    own = (own + attention_mask[:, :, None]).reshape(n, groups, heads // groups * q, -1)
    if prefix is None:
        mixed = own.softmax(-1) @ value
    else:
        prefix_key, prefix_value = prefix
        # one matrix product a key head for all rows together
        flat = grouped.transpose(0, 1).reshape(groups, -1, width)
        before = (flat @ prefix_key[0].transpose(-1, -2)).reshape(groups, n, -1, prefix_key.shape[2])
        weights = torch.cat([before.transpose(0, 1), own], -1).softmax(-1)
        first, second = torch.split(weights, [prefix_key.shape[2], own.shape[-1]], -1)
        mixed = second @ value
        flat_first = first.transpose(0, 1).reshape(groups, -1, prefix_key.shape[2])
        mixed = mixed + (flat_first @ prefix_value[0]).reshape(groups, n, -1, width).transpose(0, 1)
    return mixed.reshape(n, heads, q, width).transpose(1, 2), None


def _in_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    *,
    prefix: tuple[Tensor, Tensor] | None,
    scaling: float,
) -> Tensor:
    """The same by torch's own kernel, which never holds all scores."""
    n, heads, _, _ = query.shape
    if prefix is not None:
        key, value = (
            torch.cat([before.expand(n, -1, -1, -1), own], 2)
            for before, own in zip(prefix, (key, value), strict=True)
        )
        mask = pad(mask, (prefix[0].shape[2], 0))
    key, value = (each.repeat_interleave(heads // each.shape[1], 1) for each in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, scale=scaling).transpose(1, 2)
