"""Kinds of configuration values that several sections have, or others have rules for."""

from typing import Annotated, Final

from infra.catalogue.aws_texts import TAG_KEY, TAG_VALUE, TAG_WORDS
from infra.reading import kinds

_MONTHS: Final = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DAYS: Final = "SUN|MON|TUE|WED|THU|FRI|SAT"


def _field(low: int, high: int, *names: str) -> str:
    """Return the pattern of one field of a cron line: items with a step each, joined by commas."""
    one = "|".join([*(rf"0?{number}" for number in range(low, high + 1)), *names])
    item = rf"(?:\*|(?i:{one})(?:-(?i:{one}))?)(?:/[1-9]\d?)?"
    return rf"{item}(?:,{item})*"


CRON: Final = kinds.text(
    " ".join(
        (_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12, _MONTHS), _field(0, 6, _DAYS))
    ),
    "a cron line of five fields, such as 0 19 * * MON-FRI",
)
"""Minute, hour, day, month, day of the week, as Amazon EC2 Auto Scaling's Recurrence has them."""

OWNER: Final = kinds.text(rf"(?=.){TAG_VALUE}", f"1 to 256 {TAG_WORDS}, as AWS takes in tags")
TAGS: Final = kinds.table(
    kinds.text(TAG_KEY, f"a key of 1 to 128 {TAG_WORDS}, not aws: at its beginning"),
    kinds.text(TAG_VALUE, "at most 256 of these characters"),
)
VARIABLES: Final = kinds.table(
    kinds.text(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "a variable's name"),
    kinds.text(r"[\x20-\x7e]{0,512}", "at most 512 printable ASCII characters"),
)

NAME: Final = kinds.text(r"[^\x00-\x1f]{1,256}", "text of 1 to 256 characters")
Flag = Annotated[bool, kinds.flag()]
Port = Annotated[int, kinds.whole(1, 65535)]
MODEL: Final = kinds.text(r"[\w.\-]{0,128}", "a served model name, or empty")
DOMAIN: Final = kinds.text(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?",
    "a host name in lower case",
)
