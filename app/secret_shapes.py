"""Finds secrets in a text by what they look like, whoever wrote it and whatever their values are.

Sources of the shapes: RFC 7519 (JSON Web Tokens), RFC 7468 (PEM), RFC 6750 and 7617 (credentials in
HTTP), RFC 3986 (an address's user information), the AWS IAM user guide (unique identifiers),
NVIDIA NGC (personal keys).
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from app.credentials.api_key import ID_PATTERN, PREFIX

MASK: Final = "********"
SECRET_NAME: Final = "token|secret|passw|api_?key|authori[sz]ation|cookie|credential|private_?key"  # noqa: S105 - a pattern
"""A pattern of names behind which secrets stand, in whatever case."""

_SHAPES: Final = re.compile(
    r"""
    # A private key, also one that is cut off.
    -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    # Signed JSON: JSON Web Tokens, resume tokens, tickets. All begin with the base64 of {".
    | \beyJ[\w-]{8,}(?:\.[\w-]*)*
    # The same, compressed: the base64 of what zlib begins with, and a signature.
    | \.?\beJ[\w-]{20,}\.[\w-]{20,}
    # NVIDIA's keys, AWS's ids of access keys.
    | \bnvapi-[\w-]{8,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
    # The password of an address, and a signature in one.
    | (?<=://)[^\s/:@]+:[^\s/@]+(?=@)
    | (?<=X-Amz-Signature=)[^\s&"']+
    """,
    re.VERBOSE | re.DOTALL,
)
_OWN: Final = re.compile(rf"({PREFIX}{ID_PATTERN}_)[0-9A-Za-z]+|(\bperch-once\.)[\w.-]+", re.ASCII)
"""API keys, also one that is cut off, whose id may be read; and the tokens that gateways make
(app/gateway/identity/single_use.py)."""
_INTRODUCED: Final = re.compile(
    rf"""(?ix)
    ( \b bearer [ .]+
    | \b authorization \W{{1,6}} (?:basic|digest) [ ]+
    # A parameter of an address; a variable or an option with its value.
    | [?&;] (?: key | sig | signature | ticket | resume | [\w.-]* (?:{SECRET_NAME}) [\w.-]* ) =
    | \b [\w.-]* (?:{SECRET_NAME}) [\w.-]* =
    # A member of JSON, or of what Python prints.
    | (?P<quote> ["'] ) [\w.-]* (?:{SECRET_NAME}) [\w.-]* (?P=quote) \s* : \s* b? (?=["'])
    )
    (?: (?P<of>["']) (?P<quoted>(?:\\.|(?!(?P=of)).)*) (?P=of) | (?P<bare> [^\s&"',;]+ ) )
    """
)
PLAIN: Final = re.compile(r"(?i)arn:|/|\d{1,6}$|true$|false$|null$|none$")
"""Values that are no secret although their name sounds so: addresses, paths, numbers, words."""
_CERTAIN: Final = re.compile(r"(?i)[?&;]|bearer|authorization")
"""Behind these stands nothing else."""
_SHORTEST_ENCODED: Final = 12
"""Of a known secret's bytes, of which the middle of its base64 is looked for."""


def without_shapes(text: str) -> str:
    """Return a text with what looks like a secret masked."""
    own = _OWN.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)
    return _INTRODUCED.sub(_masked, _SHAPES.sub(MASK, own))


def _masked(found: re.Match[str]) -> str:
    value = found["quoted"] if found["of"] else found["bare"]
    if not value or (PLAIN.match(value) and not _CERTAIN.match(found[1])):
        return found[0]
    mark = found["of"] or ""
    return f"{found[1]}{mark}{MASK}{mark}"


def spellings(secret: str) -> Iterator[str]:
    """Yield a known secret as texts carry it: plain, in an address, in JSON, and in base64.

    Base64 of a longer text has it in one of three alignments, its first and last characters shared
    with what stands beside it.
    """
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    held = secret.encode("utf-8", "surrogateescape")
    if len(held) < _SHORTEST_ENCODED:
        return
    for before in range(3):
        standard = b64encode(bytes(before) + held).decode()
        # 6 bits a character: those that hold a bit of a neighbour are left out.
        middle = standard[-(-before * 8 // 6) : (before + len(held)) * 8 // 6]
        yield middle
        yield middle.replace("+", "-").replace("/", "_")
