"""The HTTP API of a finished run: predictions as sums of concepts, with their evidence."""
