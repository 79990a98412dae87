"""A row of the tables: the IAM actions of one resource type."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The IAM actions of one resource type, by what Pulumi does with it."""

    create: frozenset[str]
    read: frozenset[str]
    update: frozenset[str]
    delete: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Return every action."""
        return self.create | self.read | self.update | self.delete


def calls(
    service: str, *, create: str = "", read: str = "", update: str = "", delete: str = ""
) -> Calls:
    """Return a row from words; a word without a colon is an action of `service`."""

    def actions(words: str) -> frozenset[str]:
        return frozenset(word if ":" in word else f"{service}:{word}" for word in words.split())

    return Calls(
        create=actions(create), read=actions(read), update=actions(update), delete=actions(delete)
    )
