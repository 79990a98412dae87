"""What a colour runs, as its gateway says of itself."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import httpx

from ops.console.options import bearer

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ops.stack import StackOutputs

SECONDS: Final = 5.0
"""Deadline of the answer."""


def running(outputs: StackOutputs, token: SecretStr | None, colour: str) -> tuple[str | None, str]:
    """Return the version of a colour's gateway, and why it is None where no gateway says it.

    Asked at the endpoint by the header that names a colour, so it is whichever machine answers. A
    colour without machines has no version, which is no fault.
    """
    url = f"{outputs.endpoint_url}/healthz"
    try:
        trust = ssl.create_default_context(cafile=outputs.ca_certificate_path)
        answer = httpx.get(
            url,
            headers={outputs.direct_header: colour, **bearer(token)},
            verify=trust,
            timeout=SECONDS,
            trust_env=not outputs.endpoint_url.startswith("https://localhost"),
        )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, ImportError, OSError) as error:
        return None, f"{url}: {str(error) or type(error).__name__}"
    if answer.status_code != httpx.codes.OK:
        return None, f"{url} answers HTTP {answer.status_code} for {colour}"
    try:
        said = answer.json()
        if said.keys() == {"status"}:
            return None, f"{url} tells it who shows a token with the scope admin: PERCH_TOKEN"
        return str(said["version"]), ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, f"{url} is answered by something that is no gateway"
