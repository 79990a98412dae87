"""The provider as a service on this machine, for as long as an engine needs it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from ops.offline.errors import OfflineError
from ops.offline.plugin.servicer import AwsServicer
from ops.offline.provider.api import AwsApi

_LOOPBACK: Final = "127.0.0.1"
_THREADS: Final = 8
"""The engine asks for checks and differences at once; calls that change something wait in turn."""

_MESSAGE_BYTES: Final = 400 * 2**20
"""Largest message, as Pulumi's own hosts set it (pulumi/pulumi: sdk/go/common/util/rpcutil)."""

_STOP_SECONDS: Final = 5.0


@contextmanager
def serve(api: AwsApi, region: str) -> Iterator[int]:
    """Serve the provider while the context lasts, and give its TCP port on 127.0.0.1.

    Args:
        api: The simulated AWS that it makes resources in.
        region: Where it asks for the account; providers bring their own for what they make.

    Raises:
        OfflineError: The simulated AWS does not answer, or no port is free.
    """
    account = str(api.call("sts", "get_caller_identity", region, {})["Account"])
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="aws-provider"),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsServicer(api, account), server)
    try:
        port = server.add_insecure_port(f"{_LOOPBACK}:0")
    except RuntimeError as error:
        raise OfflineError(f"the provider found no port on {_LOOPBACK}: {error}") from None
    server.start()
    try:
        yield port
    finally:
        server.stop(_STOP_SECONDS).wait()
