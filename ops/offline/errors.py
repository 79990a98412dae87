"""The one error an offline run ends with."""


class OfflineError(Exception):
    """A program could not be run, recorded or applied; the message names what, where and why."""
