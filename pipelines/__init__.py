"""Configuration, run directories, the Prefect flow and the command line."""
