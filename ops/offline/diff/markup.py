"""Text that must stay text in a comment on a pull request."""


def escaped(sentence: str) -> str:
    """A resource's name may hold what Markdown or HTML would read as its own."""
    for character in "\\`*_<>[]":
        sentence = sentence.replace(character, f"\\{character}")
    return sentence


def cell(sentence: str) -> str:
    """The same inside a table."""
    return escaped(sentence).replace("|", "\\|").replace("\n", " ")
