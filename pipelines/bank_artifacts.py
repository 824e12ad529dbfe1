"""Names of the artifacts of a run that hold its bank, changes of it, answers to it, and signs."""

DISCOVERED = "discovered.jsonl"
JOURNAL = "curation.jsonl"
SIGNS = "curated_signs.csv"
SUPPORT = "prior_support.jsonl"
AGREEMENT = "agreement.json"
DISAGREEMENTS = "prior_disagreements.csv"
