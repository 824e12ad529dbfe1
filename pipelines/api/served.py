"""A finished run in memory, ready to answer: encoder, detectors, heads and evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

import models.torchvision_operators  # noqa: F401  # before timm
from knowledge.concepts import ConceptBank
from knowledge.passage_file import PassageFile
from knowledge.passages import Passage
from models.bottleneck import KnoBo
from models.encoders import Encoder
from models.errors import ModelsError
from models.grounding.grounder import Grounder
from models.images import decode_grey_or_rgb
from models.what_if.interventions import Intervention, Levels, intervene
from pipelines.api.mapping import Mapper, open_mapper
from pipelines.api.whole import nobody_at_work, require_whole
from pipelines.digests import content_digest
from pipelines.explanation import ExplainedConcept, Quotation
from pipelines.run import Run
from pipelines.stages.encode import configured_encoder
from pipelines.stages.ground import kept_grounder
from pipelines.status import open_finished
from pipelines.what_if.heads import open_heads, require_heads, split_names
from pipelines.what_if.level_names import LevelName
from pipelines.what_if.levels import levels_of

DICOM = "application/dicom"


@dataclass(frozen=True, slots=True)
class ServedSplit:
    """The classifier of one split.

    Attributes:
        name: Of the split.
        head: KnoBo of the first seed, which `knobo explain` shows, too.
        levels: What a yes and a no are set to.
    """

    name: str
    head: KnoBo
    levels: Levels


@dataclass(frozen=True, slots=True)
class Answer:
    """What one split's classifier says of concept scores.

    Attributes:
        split: Whose classifier.
        classes: Of the split.
        logits: One a class; that of the predicted class is the sum of the contributions.
        probabilities: One a class, the softmax of the logits.
        predicted: The most probable class.
        concepts: Contributions to the predicted class, the largest in size first.
    """

    split: str
    classes: tuple[str, ...]
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]
    predicted: str
    concepts: tuple[ExplainedConcept, ...]


@dataclass(frozen=True)
class ServedRun:
    """Everything that answering takes; nothing of it changes while it serves.

    Attributes:
        name: Of the run.
        modality: What the images are.
        audit: SHA-256 of the audit that says how far these answers may be trusted.
        encoder: The network.
        grounder: Detectors of the concepts in use.
        mapper: Says where they see them; None where the features do not know their place.
        splits: By name, in the order of the configuration.
        bank: The concepts in use.
        passages: What they quote, by id.
    """

    name: str
    modality: str
    audit: str
    encoder: Encoder
    grounder: Grounder
    mapper: Mapper | None
    splits: Mapping[str, ServedSplit]
    bank: ConceptBank
    passages: Mapping[str, Passage]

    @classmethod
    def open(cls, directory: Path) -> "ServedRun":
        """The run in a directory, which nobody changes meanwhile.

        Raises:
            PipelineError: No finished run with KnoBo there, it is half rebuilt, or a process works on it.
        """
        with nobody_at_work(directory):
            return cls.opened(open_finished(directory))

    @classmethod
    def opened(cls, run: Run) -> "ServedRun":
        """A run that nobody changes meanwhile."""
        require_heads(run)
        require_whole(run)
        grounder = kept_grounder(run)
        bank = ConceptBank.load(run.path("concepts.jsonl")).subset(grounder.concept_ids)
        encoder = configured_encoder(run.config.encoder)
        return cls(
            name=run.config.name,
            modality=run.config.modality,
            audit=content_digest(run.path("audit.json")),
            encoder=encoder,
            grounder=grounder,
            mapper=open_mapper(run.config.encoder, encoder, grounder),
            splits={name: served_split(run, name) for name in split_names(run)},
            bank=bank,
            passages=quoted(bank, PassageFile(run.path("passages.jsonl"))),
        )

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """Of the scores, in their order."""
        return self.grounder.concept_ids

    @cached_property
    def quotations(self) -> dict[str, Quotation]:
        """What stands behind each concept."""
        return {each.id: Quotation.of(each, self.passages) for each in self.bank.concepts}

    @cached_property
    def default_split(self) -> str:
        """That answers where none is named."""
        return next(iter(self.splits))

    def read(self, data: bytes, *, media_type: str, pixels: int) -> Image.Image:
        """An uploaded file, grey or RGB.

        Raises:
            ModelsError: No image, damaged, or of more pixels than allowed.
        """
        name = "the upload.dcm" if media_type == DICOM else "the upload"  # no content tells a bare DICOM
        return decode_grey_or_rgb(data, name=name, maximum_pixels=pixels)

    def scores(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Concept probabilities `(n, c)`."""
        return self.grounder.probabilities(self.encoder.encode(np.stack(pixels)))

    def maps(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Where in images the concepts are seen, `(n, c, h, w)`.

        Raises:
            ModelsError: The features do not know their place.
        """
        if self.mapper is None:
            raise ModelsError("the features of the run do not know their place; it has no maps")
        return self.mapper.draw(pixels)

    def answer(self, scores: NDArray[np.floating], split: str) -> Answer:
        """What scores `(c,)` come to."""
        head = self.split(split).head
        logits = head.logits(scores[None])[0]
        probabilities = softmax(logits)
        winner = int(probabilities.argmax())
        return Answer(
            split=split,
            classes=head.classes,
            logits=tuple(logits.tolist()),
            probabilities=tuple(probabilities.tolist()),
            predicted=head.classes[winner],
            concepts=tuple(
                ExplainedConcept(item, self.quotations[item.concept_id])
                for item in head.contributions(scores, winner)
            ),
        )

    def intervene(
        self, scores: NDArray[np.floating], split: str, settings: Mapping[str, float | bool]
    ) -> Intervention:
        """What setting some concepts changes; yes and no stand for what a detector says in such images.

        Raises:
            ModelsError: An unknown concept, or a number that is no probability.
        """
        served = self.split(split)
        values = {name: self.level(served, name, value) for name, value in settings.items()}
        return intervene(served.head, scores, values=values)

    def answer_after(self, scores: NDArray[np.floating], found: Intervention, split: str) -> Answer:
        """What scores `(c,)` come to with the concepts of an intervention set."""
        wanted = scores.copy()
        for each in found.moved:
            wanted[self.concept_ids.index(each.concept_id)] = each.after
        return self.answer(wanted, split)

    def level(self, served: ServedSplit, concept_id: str, value: float | bool) -> float:
        """The score that an answer stands for."""
        if not isinstance(value, bool) or concept_id not in served.head.concept_ids:
            return float(value)
        levels = served.levels.yes if value else served.levels.no
        return float(levels[served.head.concept_ids.index(concept_id)])

    def split(self, name: str) -> ServedSplit:
        """By name.

        Raises:
            ModelsError: There is none of that name.
        """
        if name not in self.splits:
            raise ModelsError(f"the run has no split {name!r}; it has {', '.join(self.splits)}")
        return self.splits[name]


def quoted(bank: ConceptBank, passages: Mapping[str, Passage]) -> dict[str, Passage]:
    """The passages that concepts quote, for no answer should wait for the disk.

    One that a refresh has taken away since the run is absent.
    """
    ids = {evidence.passage_id for concept in bank.concepts for evidence in concept.evidence}
    return {passage_id: passages[passage_id] for passage_id in sorted(ids) if passage_id in passages}


def served_split(run: Run, name: str) -> ServedSplit:
    """One split of a run."""
    (heads,) = open_heads(run, name)
    return ServedSplit(name, heads.heads[0], levels_of(run, heads, LevelName.MATCHED))
