"""The stages of a run: what each reads, writes and uses. The graph of a flow follows from this table."""

import models.torchvision_operators  # noqa: F401  # before anything that imports torchvision
from pipelines.bank_artifacts import AGREEMENT, DISAGREEMENTS, DISCOVERED, JOURNAL, SIGNS, SUPPORT
from pipelines.run import Stage
from pipelines.stages import (
    annotate,
    audit,
    choose,
    curate,
    discover,
    encode,
    erase,
    fetch,
    fine_tune,
    fit,
    gather,
    ground,
    images,
    index,
    prior,
    report,
    split,
)

STAGES = (
    Stage("fetch", 1, ("fetched_literature",), (), ("fetched.json",), fetch.fetch),
    Stage(
        "gather",
        3,
        ("literature", "passage_size"),
        ("fetched.json",),
        ("passages.jsonl", "gathered.json"),
        gather.gather,
    ),
    Stage("index", 2, ("indexing",), ("passages.jsonl",), ("index",), index.index, part=index.embed_part),
    Stage("images", 2, ("datasets", "on_broken"), (), ("images.parquet",), images.images),
    Stage("split", 1, ("splits", "seed"), ("images.parquet",), ("splits",), split.split),
    Stage("encode", 1, ("encoder",), ("images.parquet",), ("features",), encode.encode),
    Stage(
        "discover",
        2,
        (
            "modality",
            "classes",
            "grounding_data",
            "retrieval",
            "language_model",
            "discovery",
            "screening",
            "annotation",
            "seed",
        ),
        ("passages.jsonl", "index", "images.parquet"),
        (DISCOVERED, "verdicts.jsonl", "rejected.jsonl"),
        discover.discover,
    ),
    Stage(
        "curate",
        1,
        ("classes",),
        (DISCOVERED, "passages.jsonl"),
        ("concepts.jsonl", SIGNS),
        curate.curate,
        may_read=(JOURNAL,),
    ),
    Stage(
        "annotate",
        2,
        ("grounding_data", "annotation", "language_model", "seed"),
        ("concepts.jsonl", "images.parquet"),
        ("annotations.parquet", AGREEMENT),
        annotate.annotate,
    ),
    Stage(
        "prior",
        3,
        ("classes", "prior", "language_model", "modality"),
        ("concepts.jsonl", SIGNS, "passages.jsonl"),
        ("prior.csv", SUPPORT, DISAGREEMENTS),
        prior.prior,
    ),
    Stage(
        "ground",
        1,
        ("grounding", "seed"),
        ("annotations.parquet", "features", "images.parquet", "splits"),
        ("grounder",),
        ground.ground,
    ),
    Stage(
        "erase",
        1,
        ("erasure", "grounding", "seed"),
        ("annotations.parquet", "features", "images.parquet", "splits"),
        ("erased",),
        erase.erase,
    ),
    Stage("score", 1, ("grounding",), ("grounder", "features"), ("scores",), ground.score),
    Stage(
        "fit",
        3,
        ("fit", "encoder", "grounding", "erasure", "question_texts", "splits", "classes", "seed"),
        (
            "annotations.parquet",
            "concepts.jsonl",
            "erased",
            "features",
            "grounder",
            "images.parquet",
            "prior.csv",
            "scores",
            "splits",
        ),
        ("models", "predictions.parquet"),
        fit.fit,
        part=fit.fit_part,
    ),
    Stage(
        "choose",
        1,
        ("heads", "grounding", "erasure", "splits", "classes", "seed"),
        (
            "annotations.parquet",
            "concepts.jsonl",
            "features",
            "grounder",
            "images.parquet",
            "prior.csv",
            "scores",
            "splits",
        ),
        ("concept_choice.json",),
        choose.choose,
        after=("fit",),  # for the same reason as fine_tune
    ),
    Stage(
        "fine_tune",
        3,
        ("fine_tune", "encoder", "splits", "seed"),
        ("splits", "images.parquet"),
        ("models_fine_tune", "predictions_fine_tune.parquet"),
        fine_tune.fine_tune,
        part=fine_tune.fine_tune_part,
        after=("fit", "choose"),  # fitting changes torch's thread count while it runs
    ),
    Stage(
        "audit",
        4,
        ("audit", "splits", "fit", "fine_tune", "erasure", "seed"),
        ("predictions.parquet", "predictions_fine_tune.parquet", "splits"),
        ("audit.json",),
        audit.measure,
    ),
    Stage(
        "report",
        6,
        ("name", "modality", "splits", "classes", "literature", "erasure", "audit", "seed"),
        (
            "fetched.json",
            "audit.json",
            "concept_choice.json",
            "concepts.jsonl",
            "rejected.jsonl",
            "prior.csv",
            DISAGREEMENTS,
            AGREEMENT,
            "erased",
            "grounder",
            "scores",
            "models",
            "splits",
            "images.parquet",
            "passages.jsonl",
        ),
        ("audit.md", "report.html"),
        report.report,
    ),
)
"""In an order in which they can run one after the other."""


NETWORK = frozenset({"fetch"})
"""Stages that ask something of the network."""


def upstream(stage: Stage) -> tuple[Stage, ...]:
    """The stages that write what this one reads, and those it waits for."""
    return tuple(
        other for other in STAGES if other.name in stage.after or set(other.writes) & set(stage.reads)
    )
