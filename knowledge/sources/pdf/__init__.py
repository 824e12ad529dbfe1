"""PDF files as documents: lines with their place, whole words, chapters by bookmark."""

from knowledge.sources.pdf.reading import read_pdf

__all__ = ["read_pdf"]
