"""Runs that Prefect starts by the clock or on demand: what they do and tell, and how they are registered."""
