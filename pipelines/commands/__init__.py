"""Groups of verbs of the command line, one file a group; `pipelines/cli.py` mounts them."""
