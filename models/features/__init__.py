"""Feature tables, the store that keeps every vector, and the extraction that fills it."""
