"""How images are divided into parts, and how a division is checked."""
