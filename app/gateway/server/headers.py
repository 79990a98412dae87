"""Security headers of every answer, whichever layer gives it.

Sources: OWASP Secure Headers Project; RFC 6797 for Strict-Transport-Security.
"""

from collections.abc import Mapping
from typing import Final

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; media-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of the page: its own files and no inline script or style. 'self' covers the WebSocket of the same
host (CSP 3, 6.7.2.8)."""

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    # What is no page loads nothing, should a browser take it for one.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), display-capture=(), geolocation=(), "
    "midi=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # For browsers that do not know frame-ancestors.
    "X-Frame-Options": "DENY",
}
"""Of every answer that does not say otherwise."""

STRICT_TRANSPORT: Final = "max-age=31536000"
"""A year, this name alone: whether the names below it have certificates is not known here."""
