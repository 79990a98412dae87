"""A resource that exists: what it was made from, what it was answered with, and where it lives."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.offline.engine.recording import Resource
from ops.offline.errors import OfflineError
from ops.offline.provider.api import AwsApi, RefusedCallError

_GONE = re.compile(r"NotFound|NoSuch|Nonexist|NotExist|Gone")
"""Error codes by which the services say that something is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """What read, update and delete work with.

    Attributes:
        resource: type, name and URN.
        id: the physical id.
        region: where it is.
        account: in which account.
        api: the calls.
        inputs: what it was last made from: names filled in, default tags merged into `tags`.
        outputs: its whole last state.
    """

    resource: Resource
    id: str
    region: str
    account: str
    api: AwsApi
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - inputs are JSON
        """Return an input, or the output of that name where the program gave none."""
        value = self.inputs.get(key)
        return self.outputs.get(key, default) if value is None else value

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3's
        """Make one checked call in the resource's region."""
        return self.api.call(service, operation, self.region, parameters)

    def ask(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any] | None:  # noqa: ANN401 - as boto3's
        """Make one call; None where the service answers that there is no such thing."""
        try:
            return self.call(service, operation, **parameters)
        except RefusedCallError as error:
            if is_gone(error):
                return None
            raise

    def place(self, template: object) -> Any:  # noqa: ANN401 - parameters are JSON
        """Fill a template of parameters from inputs, outputs, `{id}`, `{region}`, `{account}`.

        Raises:
            OfflineError: a name is neither.
        """
        if isinstance(template, Mapping):
            return {key: self.place(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self.place(item) for item in template]
        return template.format_map(_Scope(self)) if isinstance(template, str) else template


class _Scope(dict[str, Any]):
    def __init__(self, existing: Existing) -> None:
        super().__init__()
        self._existing = existing

    def __missing__(self, key: str) -> object:
        fixed = {
            "id": self._existing.id,
            "region": self._existing.region,
            "account": self._existing.account,
        }
        value = fixed[key] if key in fixed else self._existing.get(key)
        if value is None:
            label = self._existing.resource.label
            raise OfflineError(f"{label}: {{{key}}} is no input and no output")
        return value


def is_gone(error: RefusedCallError) -> bool:
    """Return whether a refusal says that there is no such thing."""
    if error.code == "ValidationError":  # how auto scaling and alarms say it
        return "not found" in str(error).lower()
    return _GONE.search(error.code) is not None
