"""Training of the methods that read features or concept scores."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipelines.config.section import Section, distinct

MethodName = Literal[
    "knobo",
    "linear_probe",
    "pcbm",
    "pcbm_text",
    "pcbm_h",
    "pcbm_h_joint",
    "pcbm_h_joint_residual_zeroed",
    "pcbm_h_joint_text",
    "language_shaped",
    "dot_product",
    "group_dro",
    "jtt",
    "dfr",
    "no_prior",
    "random_prior",
    "prior_only",
    "random_concepts",
]
IMAGE_TEXT_METHODS: frozenset[MethodName] = frozenset({"pcbm_text", "pcbm_h_joint_text", "dot_product"})
"""Those that compare images with the words of a concept."""


class FitSection(Section):
    """Training of the heads."""

    methods: Annotated[tuple[MethodName, ...], Field(min_length=1), AfterValidator(distinct)] = (
        "knobo",
        "linear_probe",
        "pcbm_h",
        "no_prior",
        "random_prior",
        "prior_only",
        "random_concepts",
    )
    """All but fine-tuning, which has its own section; those with `text` and
    `dot_product` need an encoder of images and texts, `dfr` is an oracle."""
    seeds: Annotated[int, Field(ge=1)] = 5
    """Models a method and split."""
    prior_weight: Annotated[float, Field(ge=0)] = 30.0
    """Lambda of the prior loss (1 in the paper); docs/method.md says how it was chosen."""
    scores: Literal["center", "none"] = "center"
    """`center`: a concept counts by its distance from the training mean; `none` as in the paper."""
    solver: Literal["full_batch", "adam"] = "full_batch"
    """`full_batch`: one step an epoch over all images; `adam`: mini-batches as in the paper, twenty times
    slower; both walk the same way."""
    epochs: Annotated[int, Field(ge=1)] = 200
    """Of either solver."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    """Of either solver (0.001 in the paper, on sets of thousands of images)."""
    batch: Annotated[int, Field(ge=1)] = 64
    """Images a step of Adam; `full_batch` takes as long a step as an epoch of such."""
