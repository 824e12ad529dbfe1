"""Data sets as lists of image records."""
