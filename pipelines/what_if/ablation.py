"""Ablation of a finished run's KnoBo, with the audit's bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.evaluation.curves import IN_DOMAIN, MEAN, SHIFTED
from models.what_if.ablation import ALL, Ablation, ablate
from pipelines.run import Run
from pipelines.what_if.heads import bootstrap, in_mean, open_heads


@dataclass(frozen=True)
class AblatedConcept:
    """One concept, or `all`, on the domains of a split or of their mean."""

    concept_id: str
    in_domain: Ablation | None
    shifted: Ablation | None

    @property
    def change(self) -> float:
        """Of the accuracy under shift; in domain where nothing is shifted."""
        row = self.shifted or self.in_domain
        return row.difference if row else 0.0

    @property
    def flipped(self) -> float:
        """Share of the images that get another class, likewise."""
        row = self.shifted or self.in_domain
        return row.flipped if row else 0.0


def ablate_run(run: Run, *, split: str | None = None) -> tuple[Ablation, ...]:
    """Of one split, or of all and their mean.

    Raises:
        PipelineError: No such split, or a split without KnoBo.
    """
    splits = open_heads(run, split)
    mean = in_mean(run) if split is None else []
    return ablate(splits, mean=mean, settings=bootstrap(run), progress=run.reporter.work("ablate", "splits"))


def of_scope(found: Sequence[Ablation], split: str | None = None) -> tuple[str, list[AblatedConcept]]:
    """A split, by default the mean or else the first, and its concepts: `all`, then what loses most first."""
    splits = list(dict.fromkeys(row.split for row in found))
    scope = split or (MEAN if MEAN in splits else splits[0])
    rows = {(row.concept_id, row.domain): row for row in found if row.split == scope}
    names = dict.fromkeys(name for name, _ in rows)
    each = [AblatedConcept(name, rows.get((name, IN_DOMAIN)), rows.get((name, SHIFTED))) for name in names]
    return scope, sorted(each, key=lambda item: (item.concept_id != ALL, item.change))


def largest(concepts: Sequence[AblatedConcept], count: int) -> list[AblatedConcept]:
    """`all`, and the concepts with the largest changes either way, in their former order."""
    ranked = sorted((item for item in concepts if item.concept_id != ALL), key=lambda item: -abs(item.change))
    chosen = {item.concept_id for item in ranked[:count]} | {ALL}
    return [item for item in concepts if item.concept_id in chosen]
