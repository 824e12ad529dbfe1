"""The grounder: every concept detector as one row of a logistic layer, with its quality."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.artifacts import Artifact, read_artifact, save_artifact
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding.concept_records import ConceptQuality, Inseparable, Ungrounded
from models.grounding.settings import Calibration, GroundingSettings
from models.row_blocks import row_slices
from models.scaling import Scaling

__all__ = ["Calibration", "ConceptQuality", "Grounder", "GroundingSettings", "Inseparable", "Ungrounded"]

KIND = "grounder"


@dataclass(frozen=True, slots=True)
class Grounder:
    """Concept detectors: sigmoid(weight @ scaled features + bias).

    Attributes:
        concept_ids: `(c,)`.
        columns: `(d,)` names of the features they read.
        weight: `(c, d) float64`.
        bias: `(c,) float64`.
        scaling: Of the features.
        quality: `(c,)`, by cross-validation.
        out_of_fold: Probabilities for the images it was fitted on, by the folds that left them out.
        ungrounded: Concepts that could not be fitted.
        settings: As fitted.
        inseparable: Groups that the answers did not tell apart.
    """

    concept_ids: tuple[str, ...]
    columns: tuple[str, ...]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    scaling: Scaling
    quality: tuple[ConceptQuality, ...]
    out_of_fold: FeatureTable
    ungrounded: tuple[Ungrounded, ...]
    settings: GroundingSettings
    inseparable: tuple[Inseparable, ...] = ()

    def score(self, table: FeatureTable) -> FeatureTable:
        """Probabilities `(n, c) float32`, columns named by concept."""
        if table.columns != self.columns:
            raise ModelsError(
                f"the grounders read {len(self.columns)} features and the table has {len(table.columns)}, or "
                "under other names; use features of the encoder that they were fitted on"
            )
        return FeatureTable(table.ids, self.concept_ids, self.probabilities(table.values))

    def probabilities(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """From `features (n, d)`, a block of rows at a time, to `(n, c) float32`."""
        scores = np.empty((len(features), len(self.weight)), dtype=np.float32)
        for rows in row_slices(features):
            scores[rows] = expit(self.scaling.apply(features[rows]) @ self.weight.T + self.bias)
        return scores

    def best(self, count: int) -> "Grounder":
        """The `count` concepts with the highest lower end of the AUROC interval, in their former order."""
        ranked = sorted(range(len(self.quality)), key=lambda row: rank_key(self.quality[row]))
        return self.subset([self.concept_ids[row] for row in sorted(ranked[:count])])

    def subset(self, concept_ids: Sequence[str]) -> "Grounder":
        """Only these concepts, in this order."""
        place = {concept: row for row, concept in enumerate(self.concept_ids)}
        missing = [concept for concept in concept_ids if concept not in place]
        if missing:
            raise ModelsError(
                f"{len(missing)} concepts have no grounder, e.g. {missing[0]!r}; leave them out"
            )
        rows = [place[concept] for concept in concept_ids]
        held_out = FeatureTable(self.out_of_fold.ids, tuple(concept_ids), self.out_of_fold.values[:, rows])
        return replace(
            self,
            concept_ids=tuple(concept_ids),
            weight=self.weight[rows],
            bias=self.bias[rows],
            quality=tuple(self.quality[row] for row in rows),
            out_of_fold=held_out,
            inseparable=tuple(
                each for group in self.inseparable if (each := group.among(frozenset(concept_ids)))
            ),
        )

    def save(self, directory: Path) -> None:
        """Weights as safetensors, the rest in about.json."""
        tensors: dict[str, NDArray[Any]] = {
            "weight": self.weight,
            "bias": self.bias,
            "center": self.scaling.center,
            "scale": self.scaling.scale,
            "out_of_fold": self.out_of_fold.values,
        }
        about = {
            "concept_ids": self.concept_ids,
            "columns": self.columns,
            "images": self.out_of_fold.ids,
            "quality": [asdict(each) for each in self.quality],
            "ungrounded": [asdict(each) for each in self.ungrounded],
            "inseparable": [asdict(each) for each in self.inseparable],
            "settings": asdict(self.settings),
        }
        save_artifact(directory, Artifact(tensors, about), kind=KIND)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads what `save` wrote."""
        return read_artifact(directory, cls.of_artifact, kind=KIND)

    @classmethod
    def of_artifact(cls, artifact: Artifact) -> Self:
        """From what `save` wrote; a ValueError, KeyError or TypeError where it did not."""
        concept_ids, columns = artifact.names("concept_ids"), artifact.names("columns")
        images, width = artifact.names("images"), len(columns)
        settings = GroundingSettings.from_json(artifact.about["settings"])
        scale = artifact.tensor("scale", width)
        quality = artifact.records("quality", ConceptQuality)
        if tuple(each.concept_id for each in quality) != concept_ids or not scale.all():
            raise ValueError("its quality is of other concepts, or a scale is 0")
        held_out = artifact.tensor("out_of_fold", len(images), len(concept_ids))
        return cls(
            concept_ids=concept_ids,
            columns=columns,
            weight=artifact.tensor("weight", len(concept_ids), width),
            bias=artifact.tensor("bias", len(concept_ids)),
            scaling=Scaling(settings.scaling, artifact.tensor("center", width), scale),
            quality=quality,
            out_of_fold=FeatureTable(images, concept_ids, held_out),
            ungrounded=artifact.records("ungrounded", Ungrounded),
            settings=settings,
            inseparable=tuple(
                Inseparable(tuple(each["concept_ids"]), each["n_both"], each["n_differ"])
                for each in artifact.about.get("inseparable", ())  # runs of before had none
            ),
        )


def rank_key(quality: ConceptQuality) -> tuple[float, float, int, str]:
    """Best first: lower end of the AUROC interval, then AUROC, then the rarer answer's count, then the id."""
    return (
        -quality.auroc_low,
        -quality.auroc,
        -min(quality.n_yes, quality.n_no),
        quality.concept_id,
    )
