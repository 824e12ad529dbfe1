"""The numbers."""

from pipelines.config.section import Section


class AuditSection(Section):
    """The numbers."""

    replicates: int = 1000
    """Of the bootstrap."""
