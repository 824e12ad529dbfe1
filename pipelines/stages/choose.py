"""Stage `choose`: which concepts only detect how an image was taken, and what fewer concepts do."""

from models.acquisition.attributes import collect
from models.acquisition.cell_quality import ConceptCells, measure_in_cells
from models.acquisition.concept_choice import (
    Ranking,
    Trial,
    at_random,
    by_auroc,
    by_worst_cell,
    compare_choices,
)
from models.baselines import make_method
from models.domains import DomainSplit
from models.features.table import FeatureTable
from models.grounding.grounder import Grounder
from pipelines.concept_choice import ConceptChoice
from pipelines.run import Run
from pipelines.stages.arms import Tables, score_tables
from pipelines.stages.ground import kept_grounder, read_examples
from pipelines.stages.split import read_splits

RANDOM_ORDERS = 5
SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
"""Of the concepts, in each trial."""


def choose(run: Run) -> None:
    """Nothing is chosen: the run keeps its concepts, and this says what another choice would have done."""
    found = ConceptChoice()
    if run.config.erasure.attributes:
        found = compare(run, kept_grounder(run))
    found.save(run.path("concept_choice.json"))


def compare(run: Run, grounder: Grounder) -> ConceptChoice:
    """Cells of every kept concept, and KnoBo with the first of them by three orders."""
    cells = concept_cells(run, grounder)
    orders = [at_random(grounder.concept_ids, seed=run.config.seed + n) for n in range(RANDOM_ORDERS)]
    rankings: list[Ranking] = [by_auroc(grounder), by_worst_cell(cells), *orders]
    tables = score_tables(run)
    inside = {section.name for section in run.config.splits if section.in_mean}
    trials = [trial(split, tables) for split in read_splits(run) if split.name in inside and split.shifted]
    if not trials:
        return ConceptChoice(cells)
    return ConceptChoice(
        cells,
        compare_choices(
            trials,
            rankings,
            method=make_method("knobo", tables.ingredients),
            counts=[max(2, round(share * len(grounder.concept_ids))) for share in SHARES],
            seeds=range(run.config.seed, run.config.seed + run.config.fit.seeds),
            progress=run.reporter.work("choose", "choices"),
        ),
    )


def concept_cells(run: Run, grounder: Grounder) -> tuple[ConceptCells, ...]:
    """How well the kept concepts are seen within each value of the attributes."""
    known = read_examples(run, FeatureTable.load(run.path("features")))
    section = run.config.erasure
    return measure_in_cells(
        grounder,
        known.of(grounder.concept_ids).answers,
        collect((record.attributes for record in known.records), section.attributes),
        groups=known.patients,
        minimum=section.minimum,
    )


def trial(split: DomainSplit, tables: Tables) -> Trial:
    """A split with its reported images."""
    return Trial(
        data=tables.training_data(split),
        in_domain=tables.inputs(split.in_domain),
        in_domain_labels=split.targets(split.in_domain),
        shifted=tables.inputs(split.shifted),
        shifted_labels=split.targets(split.shifted),
    )
