"""Which concepts speak for which class: the parameter prior of KnoBo (paper, section 3.3)."""

from knowledge.priors.corpus import corpus_prior
from knowledge.priors.language_model import language_model_prior
from knowledge.priors.prior import Prior
from knowledge.priors.table import load_prior, override, read_overrides, save_prior

__all__ = [
    "Prior",
    "corpus_prior",
    "language_model_prior",
    "load_prior",
    "override",
    "read_overrides",
    "save_prior",
]
