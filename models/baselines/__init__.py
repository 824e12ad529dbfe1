"""Every method of the audit behind one interface. A new one is a file here and a line in `METHODS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.baselines.dfr import Dfr, DfrSettings
from models.baselines.dot_product import DotProduct
from models.baselines.fine_tune import FineTune, NetworkFactory
from models.baselines.fine_tune_settings import FineTuneSettings
from models.baselines.group_dro import GroupDro, GroupDroSettings
from models.baselines.interface import (
    ConceptExamples,
    Fitted,
    GroupedImages,
    Inputs,
    Method,
    Progress,
    TrainingData,
)
from models.baselines.jtt import Jtt, JttSettings
from models.baselines.knobo import Knobo
from models.baselines.language_shaped import LanguageShaped
from models.baselines.linear_probe import LinearProbe
from models.baselines.no_prior import NoPrior
from models.baselines.parts.activation_vectors import VectorSettings, learnt_vectors
from models.baselines.parts.concept_scores import GrounderScores, text_vectors
from models.baselines.parts.language_projection import ProjectionSettings
from models.baselines.parts.residual import ResidualSettings
from models.baselines.parts.sparse_head import SparseSettings
from models.baselines.parts.weighted_heads import PENALTY
from models.baselines.pcbm import Pcbm
from models.baselines.pcbm_h import PcbmH
from models.baselines.pcbm_h_joint import PcbmHJoint, ResidualZeroed
from models.baselines.prior_only import PriorOnly
from models.baselines.random_concepts import RandomConcepts
from models.baselines.random_prior import RandomPrior
from models.errors import ModelsError
from models.grounding.grounder import Grounder
from models.heads.shared import HeadSettings
from models.scaling import ScalingKind

__all__ = [
    "METHODS",
    "ConceptExamples",
    "DfrSettings",
    "FineTuneSettings",
    "Fitted",
    "GroupDroSettings",
    "GroupedImages",
    "Ingredients",
    "Inputs",
    "JttSettings",
    "Method",
    "NetworkFactory",
    "Progress",
    "ProjectionSettings",
    "ResidualSettings",
    "SparseSettings",
    "TrainingData",
    "VectorSettings",
    "make_method",
]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What methods are made of.

    Attributes:
        grounder: Shape of the concepts, for `random_concepts`.
        examples: Images with concept answers, for methods that learn concepts themselves.
        concept_text: `(c, t) float32` vectors of the questions in a text space of their own.
        image_text: `(c, d) float32` vectors of the questions in the space of the image features; only
            encoders of image and text have them.
        network: Makes a pretrained network, for `fine_tune`.
        head: Training of the bottleneck heads.
        probe: Training of the linear probe and of the other layers on features.
        probe_scaling: Of their features.
        probe_penalty: Of the linear probe.
        group_dro, jtt, dfr: Of these methods.
        vectors: Learning of concept activation vectors, for `pcbm` and `pcbm_h`.
        sparse: Training of their heads.
        residual: Training of the residual of `pcbm_h`.
        joint_penalty: Of `pcbm_h_joint`, else trained as the linear probe.
        projection: Learning of the map to the text space, for `language_shaped`.
        fine_tune: Training of the network.
    """

    grounder: Grounder | None = None
    examples: ConceptExamples | None = None
    concept_text: NDArray[np.float32] | None = None
    image_text: NDArray[np.float32] | None = None
    network: NetworkFactory | None = None
    head: HeadSettings = field(default_factory=HeadSettings)
    probe: HeadSettings = field(default_factory=HeadSettings)
    probe_scaling: ScalingKind = ScalingKind.STANDARD
    probe_penalty: float = PENALTY
    group_dro: GroupDroSettings = field(default_factory=GroupDroSettings)
    jtt: JttSettings = field(default_factory=JttSettings)
    dfr: DfrSettings = field(default_factory=DfrSettings)
    vectors: VectorSettings = field(default_factory=VectorSettings)
    sparse: SparseSettings = field(default_factory=SparseSettings)
    residual: ResidualSettings = field(default_factory=ResidualSettings)
    joint_penalty: float = 0.0
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    fine_tune: FineTuneSettings = field(default_factory=FineTuneSettings)


def make_fine_tune(given: Ingredients) -> FineTune:
    """Needs a network."""
    if given.network is None:
        raise ModelsError("fine_tune needs an encoder that can be trained and none was given; leave it out")
    return FineTune(given.network, given.fine_tune)


def make_random_concepts(given: Ingredients) -> RandomConcepts:
    """Needs grounders."""
    if given.grounder is None:
        raise ModelsError("random_concepts takes its number of concepts from grounders and none were given")
    return RandomConcepts(given.grounder, given.head)


def make_pcbm(given: Ingredients, name: str = "pcbm") -> Pcbm:
    """On concept activation vectors; needs images with concept answers."""
    return Pcbm(learnt_vectors(given.examples, given.vectors, method=name), given.sparse, name)


def make_joint(given: Ingredients) -> PcbmHJoint:
    """On the probabilities of the grounders."""
    return PcbmHJoint(GrounderScores(), given.probe, given.joint_penalty)


def make_joint_text(given: Ingredients) -> PcbmHJoint:
    """On cosines of image and text, as in KnoBo's paper."""
    name = "pcbm_h_joint_text"
    return PcbmHJoint(text_vectors(given.image_text, method=name), given.probe, given.joint_penalty, name)


def make_language_shaped(given: Ingredients) -> LanguageShaped:
    """Needs images with concept answers and vectors of the questions."""
    if given.examples is None or given.concept_text is None:
        raise ModelsError(
            "language_shaped learns from images with reports and vectors of the questions and was not given "
            "both; name images in [grounding] datasets or leave the method out"
        )
    return LanguageShaped(
        given.examples,
        given.concept_text,
        projection=given.projection,
        settings=given.probe,
        penalty=given.probe_penalty,
    )


METHODS: Mapping[str, Callable[[Ingredients], Method]] = MappingProxyType(
    {
        "knobo": lambda given: Knobo(given.head),
        "no_prior": lambda given: NoPrior(given.head),
        "random_prior": lambda given: RandomPrior(given.head),
        "prior_only": lambda given: PriorOnly(given.head),
        "random_concepts": make_random_concepts,
        "linear_probe": lambda given: LinearProbe(given.probe, given.probe_scaling, given.probe_penalty),
        "group_dro": lambda given: GroupDro(given.probe, given.group_dro, given.probe_scaling),
        "jtt": lambda given: Jtt(given.probe, given.jtt, given.probe_scaling),
        "dfr": lambda given: Dfr(given.dfr),
        "pcbm": make_pcbm,
        "pcbm_text": lambda given: Pcbm(
            text_vectors(given.image_text, method="pcbm_text"), given.sparse, "pcbm_text"
        ),
        "pcbm_h": lambda given: PcbmH(make_pcbm(given, "pcbm_h"), given.residual),
        "pcbm_h_joint": make_joint,
        "pcbm_h_joint_residual_zeroed": lambda given: ResidualZeroed(make_joint(given)),
        "pcbm_h_joint_text": make_joint_text,
        "language_shaped": make_language_shaped,
        "dot_product": lambda given: DotProduct(
            text_vectors(given.image_text, method="dot_product"), given.head
        ),
        "fine_tune": make_fine_tune,
    }
)


def make_method(name: str, ingredients: Ingredients) -> Method:
    """The method of that name.

    Raises:
        ModelsError: No such method.
    """
    if name not in METHODS:
        raise ModelsError(f"there is no method {name!r}; choose from {', '.join(METHODS)}")
    return METHODS[name](ingredients)
