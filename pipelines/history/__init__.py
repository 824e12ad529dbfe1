"""What audits found over time: one entry an audit, and what changed between two of them."""
