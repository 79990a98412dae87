"""The way to an AWS API that is not AWS: a moto server on this machine, or moto in this process."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlparse

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import OperationModel, StructureShape
from botocore.validate import ParamValidator

from app.loopback import is_this_machine
from ops.offline.errors import OfflineError
from ops.offline.provider import limits
from ops.offline.simulator.credentials import AccessKey
from ops.offline.simulator.sessions import isolated_session

IN_PROCESS: Final = "in-process"
"""In place of an endpoint: moto's `mock_aws` is active in this process."""

_DUMMY = AccessKey("offline", "offline")
"""For moto in this process. Never the user's: a request that went astray could not be signed."""


class RefusedCallError(OfflineError):
    """The service refused a call.

    Attributes:
        code: the service's error code, as in `ResourceInUse`; empty where no answer came.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def check_endpoint(endpoint: str) -> None:
    """Refuse everything that could be AWS.

    Raises:
        OfflineError: the endpoint is neither on this machine nor moto in this process.
    """
    if endpoint == IN_PROCESS:
        if not _moto_is_active():
            raise OfflineError("in-process: moto's mock_aws is not active; calls would reach AWS")
        return
    parsed = urlparse(endpoint)
    if parsed.scheme not in {"http", "https"} or not is_this_machine(parsed.hostname or ""):
        raise OfflineError(
            f"endpoint {endpoint!r}: not on this machine; accepted: http://127.0.0.1:PORT,"
            " http://localhost:PORT, http://[::1]:PORT. Real environments go up with `pulumi up`"
        )


@cache
def _session() -> boto3.session.Session:
    """Return the process's session: it keeps the models it has read, 4 MB of JSON here."""
    return isolated_session(_DUMMY, region="us-east-1")


def _moto_is_active() -> bool:
    """Return whether moto answers botocore here; it need not be installed for the rest."""
    models = sys.modules.get("moto.core.models")
    return models is not None and bool(models.botocore_stubber.enabled)


class AwsApi:
    """boto3 clients for one endpoint, and calls that are checked before they are sent.

    Args:
        endpoint: a server on this machine, or `IN_PROCESS`.
        key: what the server's run takes; None for moto in this process.
    """

    def __init__(self, endpoint: str, key: AccessKey | None = None) -> None:
        check_endpoint(endpoint)
        self._key = key or _DUMMY
        self._endpoint = None if endpoint == IN_PROCESS else endpoint
        self._session = _session()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' methods at run time
        """Return a client of a service; its proxies, retries and credentials are not the user's."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.client(  # type: ignore[call-overload]  # the service is data
                service,
                region_name=region,
                endpoint_url=self._endpoint,
                aws_access_key_id=self._key.id,
                aws_secret_access_key=self._key.secret,
                config=Config(
                    connect_timeout=5,
                    read_timeout=60,
                    retries={"total_max_attempts": 1},
                    proxies={},
                    s3={"addressing_style": "path"},
                ),
            )
        return self._clients[service, region]

    def operation(self, service: str, operation: str, region: str) -> OperationModel:
        """Return botocore's model of a call, by its Python name.

        Raises:
            OfflineError: botocore has no such call.
        """
        meta = self.client(service, region).meta
        if operation not in meta.method_to_api_mapping:
            raise OfflineError(f"botocore has no {operation} in {service}")
        found: OperationModel = meta.service_model.operation_model(
            meta.method_to_api_mapping[operation]
        )
        return found

    def check(
        self, service: str, operation: str, region: str, parameters: Mapping[str, Any]
    ) -> None:
        """Refuse parameters that AWS would refuse by its model.

        Raises:
            OfflineError: names, types, enumerations or limits are wrong; all of them in one
                message.
        """
        shape = self.operation(service, operation, region).input_shape
        if not isinstance(shape, StructureShape):
            return
        report = ParamValidator().validate(parameters, shape)
        found = [report.generate_report()] if report.has_errors() else []
        found += limits.problems(shape, parameters)
        if found:
            raise OfflineError(f"{service} {operation}: {'; '.join(found)}")

    def call(
        self, service: str, operation: str, region: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Check, send, and return the answer.

        Raises:
            OfflineError: the parameters, or the service's own words (`RefusedCallError`).
        """
        self.check(service, operation, region, parameters)
        try:
            answer: dict[str, Any] = getattr(self.client(service, region), operation)(**parameters)
        except (ClientError, BotoCoreError, ParamValidationError, NotImplementedError) as error:
            said = f"{service} {operation}: {_short(error)}"
            raise RefusedCallError(said, _code(error)) from None
        answer.pop("ResponseMetadata", None)
        return answer


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def _short(error: Exception) -> str:
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return f"{detail.get('Code', status)}: {str(detail.get('Message', error))[:300]}"
    return " ".join(str(error).split())[:300] or type(error).__name__
