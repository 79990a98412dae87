"""How a check says that it does not hold."""


class CheckFailedError(Exception):
    """A check did not hold; the message is its reason."""


class CheckWarning(Exception):  # noqa: N818 - no error: the stack works
    """A check holds, but for something that a person should look at; the message says what."""
