"""Keys of Prefect's artifacts."""


def key_of(name: str, what: str) -> str:
    """`demo-chest-xray-audit`: lower case letters, digits and dashes."""
    letters = (letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return f"{''.join(letters)}-{what}"
