"""Finding passages: lexical, dense, and the fusion of both."""
