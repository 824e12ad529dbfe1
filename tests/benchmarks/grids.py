"""What each method has to tune: one setting with six values, so that none gets more tries than another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from models.baselines import Ingredients

TRIES = 6


@dataclass(frozen=True, slots=True)
class Grid:
    """A method's main setting.

    Attributes:
        setting: Its name, as in `Ingredients`.
        values: To try.
        given: Ingredients with the setting at a value.
    """

    setting: str
    values: tuple[float, ...]
    given: Callable[[Ingredients, float], Ingredients]


def with_strength(given: Ingredients, value: float) -> Ingredients:
    """Weight of the prior."""
    return replace(given, head=replace(given.head, strength=value))


def with_step(given: Ingredients, value: float) -> Ingredients:
    """Step size of the bottleneck's head: how far it walks from its first weights."""
    return replace(given, head=replace(given.head, learning_rate=value))


def with_penalty(given: Ingredients, value: float) -> Ingredients:
    """Of the linear probe, also where it follows a projection."""
    return replace(given, probe_penalty=value)


def with_group_step(given: Ingredients, value: float) -> Ingredients:
    """Eta of GroupDRO."""
    return replace(given, group_dro=replace(given.group_dro, step=value))


def with_upweight(given: Ingredients, value: float) -> Ingredients:
    """Lambda_up of JTT."""
    return replace(given, jtt=replace(given.jtt, upweight=value))


def with_sparsity(given: Ingredients, value: float) -> Ingredients:
    """The one penalty of PCBM's head, in place of its own choice among several."""
    return replace(given, sparse=replace(given.sparse, penalties=(value,)))


def with_residual_penalty(given: Ingredients, value: float) -> Ingredients:
    """Of PCBM-h's residual."""
    return replace(given, residual=replace(given.residual, penalty=value))


def with_joint_penalty(given: Ingredients, value: float) -> Ingredients:
    """Of the residual that is trained together with its bottleneck."""
    return replace(given, joint_penalty=value)


STEPS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
PENALTIES = (0.0, 1e-2, 1e-1, 1.0, 10.0, 100.0)
SPARSITIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 3e-1)

GRIDS: Mapping[str, Grid] = MappingProxyType(
    {
        "knobo": Grid("head.strength", STRENGTHS, with_strength),
        "random_prior": Grid("head.strength", STRENGTHS, with_strength),
        "no_prior": Grid("head.learning_rate", STEPS, with_step),
        "random_concepts": Grid("head.learning_rate", STEPS, with_step),
        "linear_probe": Grid("probe_penalty", PENALTIES, with_penalty),
        "group_dro": Grid("group_dro.step", (0.0, 1e-3, 1e-2, 1e-1, 1.0, 10.0), with_group_step),
        "jtt": Grid("jtt.upweight", (2.0, 5.0, 10.0, 20.0, 50.0, 100.0), with_upweight),
        "pcbm": Grid("sparse.penalties", SPARSITIES, with_sparsity),
        "pcbm_text": Grid("sparse.penalties", SPARSITIES, with_sparsity),
        "pcbm_h": Grid("residual.penalty", (1e-3, 1e-1, 1.0, 10.0, 100.0, 1000.0), with_residual_penalty),
        "pcbm_h_joint": Grid("joint_penalty", PENALTIES, with_joint_penalty),
        "pcbm_h_joint_text": Grid("joint_penalty", PENALTIES, with_joint_penalty),
        "language_shaped": Grid("probe_penalty", PENALTIES, with_penalty),
        "dot_product": Grid("head.strength", STRENGTHS, with_strength),
    }
)
"""By method; `prior_only` has nothing to tune, `dfr` tunes itself on what it is told, `fine_tune` is dear."""
