"""Text from outside, made safe to print: other programs name ports, files and instances."""


def printable(text: str) -> str:
    """Return a text with a space in the place of each control character, line breaks among them."""
    return "".join(character if character.isprintable() else " " for character in text)
