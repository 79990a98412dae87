"""Masks secrets in what is gathered to diagnose a machine, whoever printed them.

The gateway's log masks its own. Here are the words of containers, units and kernels, too, and the
values are not known: what is masked is what looks like a secret, or stands behind a name of one.
"""

import re
from typing import Final

from app.secret_shapes import MASK, PLAIN, SECRET_NAME, without_shapes

_NAMED: Final = re.compile(
    rf"""(?ix)
    (?P<name> ["']? [\w.-]* (?:{SECRET_NAME}) [\w.-]* ["']? \s* [=:] \s*)
    (?: (?P<quote>["']) (?P<quoted>(?:\\.|(?!(?P=quote)).)*) (?P=quote)
      # Not what begins an object or a list of JSON.
      | (?P<bare>(?![\[{{])[^\s,;&}}"']+) )
    """
)


def masked(text: str) -> str:
    """Return a text without its secrets."""
    # Shapes first: what stands behind a name may be a word before the secret, as in `Bearer X`.
    return _NAMED.sub(_value, without_shapes(text))


def _value(found: re.Match[str]) -> str:
    value = found["quoted"] if found["quote"] else found["bare"]
    if not value or PLAIN.match(value):
        return found[0]
    quote = found["quote"] or ""
    return f"{found['name']}{quote}{MASK}{quote}"
