"""The gateway's environment: what follows from a stack, and what the machine adds.

`stack_variables` is also what `perch up` starts its gateways with.
"""

from collections.abc import Iterable
from typing import Final

from infra.boot.settings import ADMIN_PORT, MachineSettings

RUN: Final = "/run/perch"
"""A tmpfs: secrets and the state of this boot."""
RECOGNITION_FILE: Final = f"{RUN}/recognition/word"
"""What the switch says. In a folder of its own: a file that is put in another's place is seen in a
container only through a mount of its folder."""
TLS_FILE: Final = "gateway-tls.pem"
"""Among the gateway's secrets: its key and certificate, and its authority's. One file, so that a
key is never without its certificate."""
ASR_TLS: Final = f"{RUN}/asr"
"""Folder of what the recogniser speaks TLS by, on the machine and in its container."""
ASR_CA_FILE: Final = "asr-ca.pem"
"""Among the gateway's secrets: authorities of recognisers, that of its machine's first."""
ASR_CLIENT_FILE: Final = "asr-client.pem"
"""Beside it: the gateway's own key and certificate, as they were when the recogniser started."""
ASR_CONTAINER: Final = "perch-asr"
READY_PATH: Final = {"nim": "/v1/health/ready", "riva": "/v2/health/ready"}

_IMAGE_UPLOAD_DIR: Final = "/var/tmp"  # noqa: S108 - a volume of the container's own
"""On the disk; the container's /tmp is memory. Without a container /tmp is the service's own."""
_WAITING_CLIENTS: Final = 50
"""Of the gateway's WS_WAITING_ROOM: each holds a connection."""


def stack_variables(  # noqa: PLR0913 - one keyword a variable
    *,
    hosts: Iterable[str],
    trusted_proxies: str,
    grace_seconds: float,
    access_list_file: str,
    resume_keys_file: str,
    max_sessions: int,
    model: str | None,
    riva_streams: int,
    fallback_endpoints: str | None,
    language_groups: str | None,
) -> dict[str, str]:
    """Return what every gateway of a stack is told, wherever it runs.

    Args:
        hosts: Names that requests may be for.
        trusted_proxies: Range of who may say for whom it speaks; empty for nobody.
        grace_seconds: How much of a drain sessions may go on by themselves.
        access_list_file: API keys, and what was revoked.
        resume_keys_file: Keys that resume tokens are signed with.
        max_sessions: Sessions it admits at a time.
        model: What it asks the recogniser for; none for the recogniser's own choice.
        riva_streams: Streams one recogniser takes; 0 where that is not known.
        fallback_endpoints: Where recognition goes on `fallback`; none for nowhere.
        language_groups: Recognisers for further languages, as RIVA_GROUPS names them, or none.
    """
    return {
        "APP_ALLOWED_HOSTS": ",".join(hosts),
        "APP_TRUSTED_PROXIES": trusted_proxies,
        "APP_DRAIN_GRACE_S": f"{grace_seconds:g}",
        "APP_ACCESS_LIST_FILE": access_list_file,
        "APP_RESUME_KEYS_FILE": resume_keys_file,
        "WS_MAX_CONCURRENT_SESSIONS": str(max_sessions),
        # Twice the sessions, for who comes back holds his old connection for a while.
        "WS_MAX_CONNECTIONS": str(2 * max_sessions + _WAITING_CLIENTS),
        "RIVA_MODEL": model or "",
        "RIVA_ENDPOINT_STREAMS": str(riva_streams),
        "RIVA_FALLBACK_ENDPOINTS": fallback_endpoints or "",
        # Left out where there are none: user data has few bytes.
        **({} if language_groups is None else {"RIVA_GROUPS": language_groups}),
    }


def gateway_environment(settings: MachineSettings) -> dict[str, str]:
    """Return a machine's gateway's environment: the stack's, and where it meets the recogniser.

    In a container the recogniser is a neighbour on a Docker network, where its ports are the
    container's own; without one it is on loopback. In a container the administrative listener is
    published to the host's loopback alone.
    """
    return {
        **({"APP_UPLOAD_DIR": _IMAGE_UPLOAD_DIR} if settings.gateway_is_image else {}),
        **settings.gateway_environment,
        "APP_COLOUR": settings.colour,
        "APP_HOST": "0.0.0.0",  # noqa: S104 - the security group lets only the load balancer in
        "APP_PORT": str(settings.gateway_port),
        "APP_ADMIN_HOST": "0.0.0.0" if settings.gateway_is_image else "127.0.0.1",  # noqa: S104 - as said
        "APP_ADMIN_PORT": str(ADMIN_PORT),
        "APP_RECOGNITION_FILE": RECOGNITION_FILE,
        "APP_SSL_CERT": f"{RUN}/files/{TLS_FILE}",
        "APP_SSL_KEY": f"{RUN}/files/{TLS_FILE}",
        "APP_DRAIN_TIMEOUT_S": str(settings.drain_deadline_seconds),
        "RIVA_HOST": ASR_CONTAINER if settings.gateway_is_image else "127.0.0.1",
        "RIVA_PORT": str(settings.riva_grpc_port),
        "RIVA_HTTP_PORT": str(settings.riva_http_port),
        "RIVA_HTTP_READY_PATH": READY_PATH[settings.kind],
        **_tls_to_recogniser(settings),
    }


def _tls_to_recogniser(settings: MachineSettings) -> dict[str, str]:
    """Return what is other where the recogniser is asked by TLS: gRPC alone tells that it is ready.

    Whether its HTTP port would speak TLS, too, depends on its kind and release.
    """
    if not settings.recogniser_is_asked_by_tls:
        return {}
    client = f"{RUN}/files/{ASR_CLIENT_FILE}"
    shown = {"RIVA_SSL_CLIENT_CERT": client, "RIVA_SSL_CLIENT_KEY": client}
    return {
        "RIVA_SSL": "true",
        "RIVA_SSL_CERT": f"{RUN}/files/{ASR_CA_FILE}",
        "RIVA_HTTP_PORT": "0",
        **(shown if settings.recogniser_tls == "mtls" else {}),
    }


def recogniser_environment(settings: MachineSettings) -> dict[str, str]:
    """Return the environment of the recogniser's container: the stack's, and a NIM's TLS.

    A Speech NIM documents NIM_SSL_MODE and no variable for its files (Runtime Parameters for Speech
    NIM Containers). Others of NVIDIA's take the key by NIM_SSL_KEY_PATH, the certificate by
    NIM_SSL_CERT_PATH (Maxine) or NIM_SSL_CERTS_PATH (LLM), clients' authority by
    NIM_SSL_CA_CERTS_PATH (LLM). It is told all of them; one that it does not know does nothing.
    A classic Riva server has flags instead.
    """
    if settings.kind != "nim" or not settings.recogniser_is_asked_by_tls:
        return dict(settings.recogniser_environment)
    return {
        **settings.recogniser_environment,
        "NIM_SSL_MODE": settings.recogniser_tls.upper(),
        "NIM_SSL_KEY_PATH": f"{ASR_TLS}/key.pem",
        "NIM_SSL_CERT_PATH": f"{ASR_TLS}/cert.pem",
        "NIM_SSL_CERTS_PATH": f"{ASR_TLS}/cert.pem",
        "NIM_SSL_CA_CERTS_PATH": f"{ASR_TLS}/ca.pem",
    }
