"""Takes what is linearly known of acquisition attributes out of image features (LEACE)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from models.acquisition.attributes import Acquisition, Values, acquisitions
from models.acquisition.covariance import covariance_of, ledoit_wolf
from models.artifacts import Artifact, read_artifact, save_artifact
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding.grounder import Grounder
from models.row_blocks import row_slices
from models.scaling import Scaling, ScalingKind

KIND = "eraser"
SAME = 1e-8  # singular value, of the largest, below which two attributes ask for the same direction


@dataclass(frozen=True, slots=True)
class Erased:
    """One attribute as it was taken out.

    Attributes:
        name: Of the attribute.
        levels: Whose means were made equal.
        images: In how many images it was known.
        rare: Values with too few images, treated as unknown.
    """

    name: str
    levels: tuple[str, ...]
    images: int
    rare: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Eraser:
    """x -> x - removed @ (read.T @ (x - center)): `r` directions read along one set, removed along another.

    Attributes:
        attributes: What it takes out.
        columns: `(d,)` names of the features.
        center: `(d,) float64`, the point that does not move.
        removed, read: `(d, r) float64`, read.T @ removed = identity.
        shrinkage: Of the covariance, in (0, 1].
        images: It was fitted on.
    """

    attributes: tuple[Erased, ...]
    columns: tuple[str, ...]
    center: NDArray[np.float64]
    removed: NDArray[np.float64]
    read: NDArray[np.float64]
    shrinkage: float
    images: int

    def apply(self, table: FeatureTable) -> FeatureTable:
        """A copy without the attributes, of any image: none of its attributes need be known.

        The whole copy is in memory, which is meant for the images that concepts are grounded on; for more,
        `erase` takes a block of rows.

        Raises:
            ModelsError: Features of another encoder.
        """
        if table.columns != self.columns:
            raise ModelsError(
                f"the eraser reads {len(self.columns)} features and the table has {len(table.columns)}, or "
                "under other names; use features of the encoder that it was fitted on"
            )
        values = np.empty(table.values.shape, dtype=np.float32)
        for rows in row_slices(values):
            values[rows] = self.erase(table.values[rows])
        return FeatureTable(table.ids, table.columns, values)

    def erase(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """From `values (n, d)` to `(n, d) float32`."""
        wide = values.astype(np.float64)
        return np.asarray(wide - ((wide - self.center) @ self.read) @ self.removed.T, dtype=np.float32)

    def into(self, grounder: Grounder) -> Grounder:
        """A grounder of erased features as one of plain features, with the same scores: both are linear.

        Raises:
            ModelsError: The grounder divides each image's features by their length, which is not linear.
        """
        if grounder.scaling.kind is ScalingKind.UNIT:
            raise ModelsError(
                "the grounders divide each image's features by their length, so that erasing cannot be "
                "folded into their weights; fit them with another scaling, or score erased features"
            )
        slopes = grounder.weight / grounder.scaling.scale
        moved = slopes @ self.removed
        offset = moved @ (self.read.T @ (grounder.scaling.center - self.center))
        weight = (slopes - moved @ self.read.T) * grounder.scaling.scale
        return replace(grounder, weight=weight, bias=grounder.bias - offset)

    def save(self, directory: Path) -> None:
        """Three small arrays as safetensors, the rest in about.json."""
        tensors: dict[str, NDArray[Any]] = {
            "center": self.center,
            "removed": self.removed,
            "read": self.read,
        }
        about = {
            "attributes": [asdict(each) for each in self.attributes],
            "columns": self.columns,
            "shrinkage": self.shrinkage,
            "images": self.images,
        }
        save_artifact(directory, Artifact(tensors, about), kind=KIND)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Reads what `save` wrote."""
        return read_artifact(directory, cls.of_artifact, kind=KIND)

    @classmethod
    def of_artifact(cls, artifact: Artifact) -> Self:
        """From what `save` wrote; a ValueError, KeyError or TypeError where it did not."""
        about, columns = artifact.about, artifact.names("columns")
        directions = artifact.tensors["removed"].shape[-1]
        return cls(
            attributes=tuple(
                Erased(each["name"], tuple(each["levels"]), int(each["images"]), tuple(each["rare"]))
                for each in about["attributes"]
            ),
            columns=columns,
            center=artifact.tensor("center", len(columns)),
            removed=artifact.tensor("removed", len(columns), directions),
            read=artifact.tensor("read", len(columns), directions),
            shrinkage=float(about["shrinkage"]),
            images=int(about["images"]),
        )


def fit_eraser(
    features: FeatureTable, attributes: Values, *, minimum: int = 10, shrinkage: float | None = None
) -> Eraser:
    """Least-squares concept erasure (LEACE; Belrose et al. 2023, theorem 4.3) of all attributes at once.

    Afterwards every level of every attribute has the mean of all images that state the attribute, so that no
    linear classifier with a convex loss does better than a constant on them; of all affine maps with that
    property it moves features of covariance S the least. With U a basis of the differences between the
    levels' means it is x -> x - U (U' S^-1 U)^-1 U' S^-1 (x - mean): the paper's W^+ P W with W = S^-1/2.

    S is estimated on standardised features and shrunk towards a multiple of the identity. With as many
    features as images the sample's own inverse would explain any attribute by chance, and with more there is
    none; the levels' means become equal whatever S is, for that only U counts. A shrinkage of 1 is the
    orthogonal projection along the differences of means.

    Args:
        features: `(n, d)` of the images that state the attributes: the grounding images.
        attributes: By name one value an image, None where unknown. Such an image has no say on the attribute
            and is erased like all others.
        minimum: Images that a level needs; rarer ones count as unknown.
        shrinkage: In (0, 1]; that of Ledoit and Wolf (2004) if None.

    Raises:
        ModelsError: An attribute without two levels, a number of values that does not fit, or a shrinkage
            outside (0, 1].
    """
    if shrinkage is not None and not 0 < shrinkage <= 1:
        raise ModelsError(
            f"the shrinkage of the covariance is {shrinkage}; give a number above 0 and up to 1"
        )
    stated = acquisitions(attributes, images=len(features.ids), minimum=minimum)
    scaling = Scaling.fit(ScalingKind.STANDARD, features.values)
    covariance = covariance_of(features.values, scaling)
    amount = ledoit_wolf(covariance) if shrinkage is None else shrinkage
    differences = distinct_directions(mean_differences(features.values, scaling, stated))
    read = covariance.inverse_times(differences, shrinkage=amount)
    read = solve(differences.T @ read, read.T, assume_a="pos").T
    return Eraser(
        attributes=tuple(Erased(a.name, a.levels, int(a.known.sum()), a.rare) for a in stated),
        columns=features.columns,
        center=scaling.center,
        removed=differences * scaling.scale[:, None],
        read=read / scaling.scale[:, None],
        shrinkage=amount,
        images=len(features.ids),
    )


def mean_differences(
    values: NDArray[np.floating], scaling: Scaling, attributes: Sequence[Acquisition]
) -> NDArray[np.float64]:
    """Mean of each level less the mean of all that state the attribute, `(d, l)`: the columns of Sigma_xz.

    Of the scaled `values (n, d)`, a block of rows at a time.
    """
    sums = [np.zeros((values.shape[1], len(each.levels))) for each in attributes]
    for rows in row_slices(values):
        inputs = scaling.apply(values[rows])
        for number, each in enumerate(attributes):
            sums[number] += inputs.T @ each.indicators(rows)
    counts = [np.bincount(each.codes[each.known]) for each in attributes]
    pairs = zip(sums, counts, strict=True)
    means = [total / count - (total.sum(axis=1) / count.sum())[:, None] for total, count in pairs]
    return np.concatenate(means, axis=1)


def distinct_directions(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal basis `(d, r)` of the columns `(d, l)`, one of which each attribute has too many.

    The largest value of each direction is positive: a decomposition leaves its sign to rounding, and the
    kept file would differ from machine to machine.
    """
    lengths = np.linalg.norm(differences, axis=0)
    unit = differences / np.where(lengths > 0, lengths, 1)
    basis, sizes, _ = np.linalg.svd(unit, full_matrices=False)
    kept = basis[:, sizes > SAME * max(float(sizes[0]), 1e-300)]
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
    return np.asarray(np.where(largest < 0, -kept, kept))
