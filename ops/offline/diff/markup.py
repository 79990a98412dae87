"""Text that must stay text in a comment on a pull request."""


def escaped(sentence: str) -> str:
    """Escape what Markdown or HTML would read as its own: a resource's name may hold it."""
    for character in "\\`*_<>[]":
        sentence = sentence.replace(character, f"\\{character}")
    return sentence


def cell(sentence: str) -> str:
    """Escape a sentence for a cell of a table."""
    return escaped(sentence).replace("|", "\\|").replace("\n", " ")
