"""Masks secrets in what is gathered to diagnose a machine, whoever printed them.

The gateway's log masks its own. Here are the words of containers, units and kernels, too, and the
values are not known: what is masked is what looks like a secret, or stands behind a name of one.
"""

import re
from typing import Final

from app.redaction import MASK, SECRET_NAME, Redactor

_PEM: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_SHAPES: Final = re.compile(
    # NVIDIA's keys, AWS's access keys and session tokens, JSON Web Tokens, an address's password.
    r"\bnvapi-[\w-]{8,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
    r"|(?<=X-Amz-Signature=)[^\s&\"']+"
)
_NAMED: Final = re.compile(
    rf"""(?ix)
    (?P<name> ["']? [\w.-]* (?:{SECRET_NAME}) [\w.-]* ["']? \s* [=:] \s*)
    (?: (?P<quote>["']) (?P<quoted>(?:\\.|(?!(?P=quote)).)*) (?P=quote)
      # Not what begins an object or a list of JSON.
      | (?P<bare>(?![\[{{])[^\s,;&}}"']+) )
    """
)
_PLAIN: Final = re.compile(r"(?i)arn:|/|\d{1,6}$|true$|false$|null$|none$")
"""Values that are no secret although their name sounds so: addresses, paths, numbers, words."""
_REDACTOR: Final = Redactor()


def masked(text: str) -> str:
    """Return a text without its secrets."""
    # Shapes first: what stands behind a name may be a word before the secret, as in `Bearer X`.
    shaped = _REDACTOR.text(_SHAPES.sub(MASK, _PEM.sub(MASK, text)))
    return _NAMED.sub(_value, shaped)


def _value(found: re.Match[str]) -> str:
    value = found["quoted"] if found["quote"] else found["bare"]
    if not value or _PLAIN.match(value):
        return found[0]
    quote = found["quote"] or ""
    return f"{found['name']}{quote}{MASK}{quote}"
