"""The confounded splits of the KnoBo paper, made anew from the owners' data at any strength."""

from models.splits.paper.building import labelled, made_anew, reversed_pairing, shortfalls
from models.splits.paper.recipes import RECIPES, Recipe, recipe_named

__all__ = ["RECIPES", "Recipe", "labelled", "made_anew", "recipe_named", "reversed_pairing", "shortfalls"]
