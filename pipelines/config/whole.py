"""The configuration as a whole: sections, and the names by which they refer to each other."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.config.annotation import AnnotationSection
from pipelines.config.audit import AuditSection
from pipelines.config.classes import ClassWords
from pipelines.config.datasets import DataSet
from pipelines.config.discovery import DiscoverySection, ScreeningSection
from pipelines.config.encoder import EncoderSection
from pipelines.config.erasure import ErasureSection
from pipelines.config.fine_tune import FineTuneSection
from pipelines.config.fit import IMAGE_TEXT_METHODS, FitSection
from pipelines.config.grounding import GroundingSection
from pipelines.config.language_model import LanguageModelSection
from pipelines.config.literature import LiteratureSource
from pipelines.config.prior import PriorSection
from pipelines.config.refresh import RefreshSection
from pipelines.config.retrieval import RetrievalSection
from pipelines.config.runner import RunnerSection
from pipelines.config.section import Name, Section, named_twice
from pipelines.config.splits import SplitSection

KINDS_THAT_MAY_READ = frozenset({"transformers", "open_clip"})
"""Encoders among which some read texts as well; the others never do."""


class Config(Section):
    """Everything a run depends on."""

    name: Name
    """Folder below `runs/`."""
    modality: str
    """What the images are, e.g. `chest X-ray`; prompts and report use it."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of everything random."""
    on_broken: Literal["stop", "skip"] = "stop"
    """What to do when images cannot be read."""
    parts: Annotated[int, Field(ge=1)] = 1
    """Tasks into which a wide stage (embedding, encoding, reading reports, training) is cut."""
    classes: tuple[ClassWords, ...]
    """Every class that a split uses."""
    literature: tuple[LiteratureSource, ...]
    """Collections of documents."""
    datasets: tuple[DataSet, ...]
    """Image collections."""
    splits: tuple[SplitSection, ...]
    """Domain shifts to audit."""
    retrieval: RetrievalSection = RetrievalSection()
    language_model: LanguageModelSection = LanguageModelSection()
    discovery: DiscoverySection = DiscoverySection()
    screening: ScreeningSection = ScreeningSection()
    annotation: AnnotationSection = AnnotationSection()
    prior: PriorSection = PriorSection()
    encoder: EncoderSection = EncoderSection()
    grounding: GroundingSection
    erasure: ErasureSection = ErasureSection()
    fit: FitSection = FitSection()
    fine_tune: FineTuneSection = FineTuneSection()
    audit: AuditSection = AuditSection()
    refresh: RefreshSection = RefreshSection()
    runner: RunnerSection = RunnerSection()

    @model_validator(mode="after")
    def _names_meet(self) -> "Config":
        for what, names in (
            ("class", [item.name for item in self.classes]),
            ("literature source", [item.name for item in self.literature]),
            ("data set", [item.name for item in self.datasets]),
            ("split", [item.name for item in self.splits]),
        ):
            _require_distinct(what, names)
        datasets = {item.name for item in self.datasets}
        classes = {item.name for item in self.classes}
        sources = {item.name for item in self.literature}
        _require_known("[retrieval] sources", self.retrieval.sources, sources)
        _require_known("[grounding] datasets", self.grounding.datasets, datasets)
        declared = {
            name for item in self.datasets if item.name in self.grounding.datasets for name in item.attributes
        }
        _require_known("[erasure] attributes", self.erasure.attributes, declared)
        if self.erasure.attributes and self.grounding.scaling == "unit":
            raise ValueError(
                '[grounding] scaling = "unit" cannot be joined with [erasure], which is linear; '
                'use "standard"'
            )
        for split in self.splits:
            _require_known(f"split {split.name!r}: datasets", split.datasets, datasets)
            _require_known(f"split {split.name!r}: classes", split.classes, classes)
        return self

    @model_validator(mode="after")
    def _encoder_can_do_what_is_asked(self) -> "Config":
        kind = self.encoder.kind
        reading = [name for name in self.fit.methods if name in IMAGE_TEXT_METHODS]
        if reading and kind not in KINDS_THAT_MAY_READ:
            raise ValueError(
                f"[fit] methods names {', '.join(reading)}, and an [encoder] of kind {kind} reads no text; "
                "choose another kind (transformers or open_clip) or leave the method out"
            )
        starts = kind == "timm" and self.encoder.hub is None
        if self.fine_tune.enabled and self.fine_tune.weights is None and not starts:
            what = f"of kind {kind}" if kind != "timm" else "from the hub"
            raise ValueError(
                f"[fine_tune] cannot train an [encoder] {what}; set enabled = false in [fine_tune], or name "
                "architecture and weights there"
            )
        return self


def _require_distinct(what: str, names: list[str]) -> None:
    if not names:
        raise ValueError(f"no {what} is given; add at least one")
    if twice := named_twice(names):
        raise ValueError(f"{what} {', '.join(twice)} is given twice; use distinct names")


def _require_known(where: str, names: tuple[str, ...], known: set[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{where} names {', '.join(unknown)}; the configuration has {', '.join(sorted(known)) or 'none'}"
        )
