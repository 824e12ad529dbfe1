"""Stage `concept_audit`: what the concepts themselves do across domains."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models.torchvision_operators  # noqa: F401  # before timm
from knowledge.concepts import ConceptBank
from models.concept_audit import ConceptAudit
from models.concept_audit.examples import CoarseMaps, FineMaps, example_images, example_maps
from models.concept_audit.redundancy import bank_diversity, hard_pairs
from models.concept_audit.report import join
from models.concept_audit.split_audit import SplitEvidence, audit_split
from models.domains import DomainSplit
from models.encoders import Encoder, open_encoder
from models.errors import ModelsError
from models.evaluation.predictions import Predictions, read_predictions
from models.features.table import FeatureTable
from models.images import decode_grey_or_rgb, read_bytes
from models.splits.cells import attribute_of
from models.what_if.split_heads import SplitHeads
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.encode import configured_encoder, encoder_spec
from pipelines.stages.ground import kept_grounder, read_examples
from pipelines.stages.index import question_encoder
from pipelines.stages.split import read_splits
from pipelines.what_if.heads import bootstrap, load_heads, open_scores

MODEL_READS = (
    "Concepts are not compared with the reports of the splits' images, all of which a language model would "
    "have to read; annotate by rules to have it."
)
NO_ANSWERS = (
    "No image of a split has a report or an expert's answer, so that nothing is said of the calibration of "
    "concepts and of their existence; give the data sets of the splits `report` or `expert_columns`."
)

Answers = dict[str, NDArray[np.floating]]


def concept_audit(run: Run) -> None:
    """Leaks, calibration, faithfulness, importance, completeness, redundancy and maps."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    scores, splits = open_scores(run), read_splits(run)
    predictions = read_predictions(run.path("predictions.parquet"))
    answers, notes = answers_of(run, splits, scores.columns, bank)
    progress = run.reporter.work("concept_audit", "splits")
    parts: list[ConceptAudit] = []
    heads: list[SplitHeads] = []
    for done, split in enumerate(splits, start=1):
        evidence = evidence_of(run, split, scores, answers, predictions)
        parts.append(audit_split(evidence, settings=bootstrap(run)))
        heads += [evidence.heads] if evidence.heads else []
        progress(done, len(splits))
    parts += [maps_of(run, heads), bank_audit(run, scores, splits, bank), ConceptAudit(notes=notes)]
    join(parts).save(run.path("concept_audit.json"))


def evidence_of(
    run: Run,
    split: DomainSplit,
    scores: FeatureTable,
    answers: Answers,
    predictions: Sequence[Predictions],
) -> SplitEvidence:
    """All that is known of a split."""
    heads = load_heads(run, split.name)
    return SplitEvidence(
        split=split,
        scores=scores,
        heads=SplitHeads(split, heads, scores) if heads else None,
        answers=answers,
        attributes=attributes_of(run, split),
        predictions=[each for each in predictions if each.split == split.name],
    )


def attributes_of(run: Run, split: DomainSplit) -> dict[str, list[str | None]]:
    """The split's own attribute, then those that its data sets declare."""
    section = next(each for each in run.config.splits if each.name == split.name)
    declared = [
        name
        for dataset in run.config.datasets
        if dataset.name in section.datasets
        for name in dataset.attributes
    ]
    names = [name for name in dict.fromkeys((split.attribute, *declared)) if name]
    records = {record.id: record for record in read_images(run.path("images.parquet")).records}
    return {name: [attribute_of(records[image], name) or None for image in split.ids] for name in names}


def answers_of(
    run: Run, splits: Sequence[DomainSplit], concept_ids: Sequence[str], bank: ConceptBank
) -> tuple[Answers, tuple[str, ...]]:
    """What reports and experts say of the images of the splits, and what a reader must know of it."""
    from pipelines.what_if.truth import known_answers  # noqa: PLC0415  # it imports stages itself

    if run.config.annotation.annotator != "rules":
        return {}, (MODEL_READS,)
    ids = sorted({image for split in splits for image in split.ids})
    table = known_answers(run, ids, list(bank.subset(concept_ids)))
    found = {image: row for image, row in zip(ids, table, strict=True) if not np.isnan(row).all()}
    if found:
        return found, ()
    return {}, (NO_ANSWERS,)


def bank_audit(
    run: Run, scores: FeatureTable, splits: Sequence[DomainSplit], bank: ConceptBank
) -> ConceptAudit:
    """Diversity, and pairs that are hard to tell apart."""
    grounder, concept_ids = kept_grounder(run), scores.columns
    questions = [concept.question for concept in bank.subset(concept_ids)]
    vectors = question_encoder(run).encode(questions)
    ids = sorted({image for split in splits for image in split.ids})
    values = scores.rows(ids)
    known = read_examples(run, FeatureTable.load(run.path("features"))).of(concept_ids)
    return ConceptAudit(
        diversity=(
            bank_diversity(vectors, of="questions"),
            bank_diversity(grounder.weight, of="detectors"),
            bank_diversity((values - values.mean(axis=0)).T, of="scores"),
        ),
        pairs=hard_pairs(
            concept_ids,
            answers=known.answers,
            scores=values,
            vectors=vectors,
            fewest=run.config.grounding.minimum,
        ),
    )


def maps_of(run: Run, heads: Sequence[SplitHeads]) -> ConceptAudit:
    """Of the splits' examples; none where the features do not know their place."""
    section = run.config.encoder
    if not heads or section.kind != "timm" or section.features != "grid":
        return ConceptAudit()
    grounder, features = kept_grounder(run), FeatureTable.load(run.path("features"))
    coarse = CoarseMaps(grounder, features, section.cells)
    images = sorted({image for each in heads for image in example_images(each)})
    source = FineMaps(coarse, inner_maps(run, images))
    return ConceptAudit(
        maps=tuple(found for each in heads for found in example_maps(each, source, grounder=grounder))
    )


def inner_maps(run: Run, images: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """What features are averages of, `(channels, side, side)`, for each image that can be read."""
    paths = {record.id: record.path for record in read_images(run.path("images.parquet")).records}
    section = run.config.encoder
    pixels = prepared(configured_encoder(section), {image: paths[image] for image in images})
    if not pixels:
        return {}
    side = -(-len(next(iter(pixels.values()))) // section.stride)
    encoder = open_encoder(replace(encoder_spec(section), cells=side))
    values = encoder.encode(np.stack(list(pixels.values()))).reshape(len(pixels), -1, side, side)
    return dict(zip(pixels, values, strict=True))


def prepared(encoder: Encoder, paths: Mapping[str, Path]) -> dict[str, NDArray[np.uint8]]:
    """Pixels of each image that can be read, as the encoder takes them."""
    found = {}
    for image, path in paths.items():
        with suppress(ModelsError):
            found[image] = encoder.prepare(decode_grey_or_rgb(read_bytes(path), name=str(path)))
    return found
