"""Nothing unreviewed enters by a planned run unless its configuration says so."""

from pathlib import Path

from pipelines.config import Config, QuerySource
from pipelines.errors import PipelineError


def require_choice(config: Config, path: Path) -> None:
    """Refuses a configuration by which literature would enter without anybody having said so.

    Asked when it is registered and again when a run begins, as the file may be another one by then.

    Args:
        config: As it was read.
        path: Where from.

    Raises:
        PipelineError: It has literature on this machine, and says neither `hold` nor `follow`.
    """
    local = any(not isinstance(source, QuerySource) for source in config.literature)
    if local and "literature" not in config.refresh.model_fields_set:
        raise PipelineError(
            f"{path} does not say whether planned audits take in local literature that changed; "
            'below [refresh] write literature = "hold", for after a review, or "follow", for at once'
        )
