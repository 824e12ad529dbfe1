"""How well a method does in its own domain and in a shifted one, with intervals."""
