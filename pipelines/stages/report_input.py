"""Collects from a run's artifacts what the report shows."""

from collections.abc import Mapping

import numpy as np

from knowledge.annotation.agreement import load_agreements
from knowledge.concepts import ConceptBank
from knowledge.passage_file import PassageFile
from knowledge.passages import Passage
from knowledge.priors import load_disagreements, load_prior
from knowledge.rejections import read_rejections
from models.acquisition.erasure import Eraser
from models.concept_audit import ConceptAudit
from models.domains import DomainSplit
from models.evaluation.report import AuditReport
from models.features.table import FeatureTable
from models.grounding.grounder import Grounder
from models.splits.checks.finding import load_findings
from pipelines.bank_artifacts import AGREEMENT, DISAGREEMENTS
from pipelines.concept_choice import ConceptChoice
from pipelines.digests import value_digest
from pipelines.fetched import read_fetched
from pipelines.report.credit_view import literature_credit
from pipelines.report.input import (
    Acquisition,
    ConceptWeights,
    GrounderQuality,
    Provenance,
    ReportInput,
)
from pipelines.run import Run, code_commit, library_versions
from pipelines.section_values import section_value
from pipelines.stages.erase import ERASED
from pipelines.stages.report_cards import cards
from pipelines.stages.report_explanations import explanations
from pipelines.stages.split import read_splits
from pipelines.what_if.ablation import ablate_run
from pipelines.what_if.curve_report import CurveReport
from pipelines.what_if.heads import has_heads, load_heads

CHECKS, CONCEPT_AUDIT, INTERVENTIONS = "checks.json", "concept_audit.json", "interventions.json"


def report_input(run: Run) -> ReportInput:
    """Everything that report.html shows."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    rejected = read_rejections(run.path("rejected.jsonl"))
    splits = tuple(read_splits(run))
    passages = quoted_passages(run, bank)
    fetched = read_fetched(run.path("fetched.json"))
    grounder = Grounder.load(run.path("grounder"))
    differing, agreement = run.path(DISAGREEMENTS), run.path(AGREEMENT)
    return ReportInput(
        run=run.config.name,
        modality=run.config.modality,
        audit=AuditReport.load(run.path("audit.json")),
        splits=splits,
        bank=bank,
        passages=passages,
        verdicts=tuple(verdict for item in rejected for verdict in item.verdicts),
        candidates=tuple(item.concept for item in rejected),
        quality=grounder_quality(run, grounder),
        prior=load_prior(
            run.path("prior.csv"), classes=[item.name for item in run.config.classes], bank=bank
        ),
        weights=tuple(mean_weights(run, split) for split in splits),
        explanations=explanations(run, splits),
        provenance=provenance(run),
        outside_mean=tuple(section.name for section in run.config.splits if not section.in_mean),
        credits=literature_credit(run.config.literature, passages.values(), fetched),
        disagreements=load_disagreements(differing) if differing.is_file() else (),
        agreements=load_agreements(agreement)[0] if agreement.is_file() else (),
        ablation=ablate_run(run) if has_heads(run) else (),
        acquisition=acquisition(run),
        inseparable=grounder.inseparable,
        ungrounded=grounder.ungrounded,
        cards=cards(run),
        findings=load_findings(run.path(CHECKS)) if run.path(CHECKS).is_file() else (),
        concept_audit=ConceptAudit.load(run.path(CONCEPT_AUDIT))
        if run.path(CONCEPT_AUDIT).is_file()
        else None,
        interventions=CurveReport.load(run.path(INTERVENTIONS))
        if run.path(INTERVENTIONS).is_file()
        else None,
    )


def quoted_passages(run: Run, bank: ConceptBank) -> Mapping[str, Passage]:
    """Passages that some concept quotes."""
    passages = PassageFile(run.path("passages.jsonl"))
    quoted = {quote.passage_id for concept in bank for quote in concept.evidence}
    return {each: passages[each] for each in sorted(quoted) if each in passages}


def grounder_quality(run: Run, grounder: Grounder) -> tuple[GrounderQuality, ...]:
    """Of every concept that could be fitted; `kept` where the classifier uses it."""
    kept = set(FeatureTable.load(run.path("scores")).columns)
    return tuple(
        GrounderQuality(
            concept_id=item.concept_id,
            auroc=item.auroc,
            low=item.auroc_low,
            high=item.auroc_high,
            balanced_accuracy=item.balanced_accuracy,
            n_yes=item.n_yes,
            n_no=item.n_no,
            kept=item.concept_id in kept,
        )
        for item in grounder.quality
    )


def acquisition(run: Run) -> Acquisition | None:
    """What the run did against how images were taken; None where no attribute is named."""
    directory = run.path(f"erased/{ERASED}/eraser")
    if not directory.is_dir():
        return None
    eraser = Eraser.load(directory)
    return Acquisition(eraser.attributes, eraser.images, ConceptChoice.load(run.path("concept_choice.json")))


def mean_weights(run: Run, split: DomainSplit) -> ConceptWeights:
    """KnoBo's weights on a split, mean over the seeds."""
    heads = load_heads(run, split.name)
    columns = FeatureTable.load(run.path("scores")).columns
    zeros = np.zeros((len(split.classes), len(columns)), np.float32)
    values = np.mean([head.weight for head in heads] or [zeros], axis=0)
    return ConceptWeights(split.name, split.classes, columns, np.asarray(values, dtype=np.float32))


def provenance(run: Run) -> Provenance:
    """Where the numbers come from."""
    sections = sorted(type(run.config).model_fields)
    return Provenance(
        config_digest=value_digest({name: section_value(run.config, name) for name in sections}),
        versions=library_versions(),
        seed=run.config.seed,
        commit=code_commit(),
        seconds={name: record.seconds for name, record in run.records().items()},
    )
