"""Documents in, concept bank out: passages, retrieval, concepts, annotations, priors. Knows text only."""
