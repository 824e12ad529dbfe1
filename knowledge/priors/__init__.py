"""Which concepts speak for which class: the parameter prior of KnoBo (paper, section 3.3).

`corpus_prior` is the default. On 44 signs set by hand, over the demo handbook, its first version was right,
where it gave a sign, in .95 (normal/abnormal), .95 (normal/pneumonia) and 1.00 (benign/malignant), with
coverage .95, 1.00 and .56; two faults so found were mended, after which all signs given are right. The 135M
language model is right in .22, .28 and .70 (tests/benchmarks/language_model_uses.py).
"""

from knowledge.priors.corpus import CorpusPrior, corpus_prior, read_corpus
from knowledge.priors.disagreement import (
    Disagreement,
    WrittenDisagreement,
    disagreements,
    load_disagreements,
    save_disagreements,
)
from knowledge.priors.language_model import language_model_prior
from knowledge.priors.prior import Prior
from knowledge.priors.support import Support, load_support, quoted, save_support
from knowledge.priors.table import load_prior, override, read_overrides, save_prior

__all__ = [
    "CorpusPrior",
    "Disagreement",
    "Prior",
    "Support",
    "WrittenDisagreement",
    "corpus_prior",
    "disagreements",
    "language_model_prior",
    "load_disagreements",
    "load_prior",
    "load_support",
    "override",
    "quoted",
    "read_corpus",
    "read_overrides",
    "save_disagreements",
    "save_prior",
    "save_support",
]
