"""What KnoBo of a finished run does once its concepts or weights are changed by hand."""
