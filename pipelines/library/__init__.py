"""Public data sets made ready for a run: a manifest, a configuration, a page of facts."""
