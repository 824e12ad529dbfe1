"""A trained head changed by hand, and what that changes on every domain."""

from models.what_if.editing.edits import Edit, FlipSign, Prune, PruneAndNormalise, SetWeight, edited
from models.what_if.editing.report import Change, EditReport, WeightChange, edit_splits, report_edits

__all__ = [
    "Change",
    "Edit",
    "EditReport",
    "FlipSign",
    "Prune",
    "PruneAndNormalise",
    "SetWeight",
    "WeightChange",
    "edit_splits",
    "edited",
    "report_edits",
]
