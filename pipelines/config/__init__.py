"""The configuration of a run: one TOML file, validated and frozen; an unknown key is an error."""

from pipelines.config.classes import ClassWords
from pipelines.config.datasets import DataSet
from pipelines.config.encoder import EncoderSection
from pipelines.config.fine_tune import FineTuneSection
from pipelines.config.grounding import GroundingSection
from pipelines.config.literature import BulkSource, FileSource, LiteratureSource, QuerySource, RecordSource
from pipelines.config.loading import as_called, load_config
from pipelines.config.section import Section
from pipelines.config.splits import SplitSection
from pipelines.config.whole import Config

__all__ = [
    "BulkSource",
    "ClassWords",
    "Config",
    "DataSet",
    "EncoderSection",
    "FileSource",
    "FineTuneSection",
    "GroundingSection",
    "LiteratureSource",
    "QuerySource",
    "RecordSource",
    "Section",
    "SplitSection",
    "as_called",
    "load_config",
]
