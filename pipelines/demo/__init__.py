"""Everything the demo needs, made by this project: handbook, images, reports, planted shortcuts."""
