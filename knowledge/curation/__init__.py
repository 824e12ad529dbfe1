"""What people change in a concept bank, kept as a journal and applied to whatever discovery finds."""
