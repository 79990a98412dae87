"""Kinds of secrets that detect-secrets does not know, as a plugin of it (`--plugin`).

Used by `make check` and the hook of a commit. Values need a digit and letters of both cases: what
tests and pages make up mostly has words.
"""

import re
from typing import Final

from detect_secrets.plugins.base import RegexBasedDetector

_RANDOM: Final = r"(?=[\w.~+/-]*[0-9])(?=[\w.~+/-]*[a-z])(?=[\w.~+/-]*[A-Z])"


class NgcKeyDetector(RegexBasedDetector):
    """Keys of NVIDIA NGC."""

    secret_type = "NGC Key"  # pragma: allowlist secret

    denylist = (re.compile(r"\bnvapi-[\w-]{32,}"),)


class PerchKeyDetector(RegexBasedDetector):
    """API keys of a gateway of ours: `perch_ID_SECRET`."""

    secret_type = "Perch API Key"  # pragma: allowlist secret

    denylist = (re.compile(r"\bperch_[0-9a-z]{10}_[0-9A-Za-z]{40,}"),)


class ResumeTokenDetector(RegexBasedDetector):
    """Signed JSON of two parts, as resume tokens and tickets are; compressed or not."""

    secret_type = "Signed Token"  # pragma: allowlist secret

    denylist = (re.compile(r"(?<![\w.])\.?ey?J[\w-]{20,}\.[\w-]{27,}(?![\w.-])"),)


class BearerDetector(RegexBasedDetector):
    """Bearer tokens in a header, a subprotocol or an address."""

    secret_type = "Bearer Token"  # pragma: allowlist secret

    denylist = (
        re.compile(rf"(?i:\bbearer[ .]+){_RANDOM}[\w.~+/-]{{24,}}"),
        re.compile(rf"(?i:[?&;](?:access_)?token=){_RANDOM}[\w.~+/-]{{24,}}"),
    )
