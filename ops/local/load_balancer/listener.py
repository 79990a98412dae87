"""A TLS listener that behaves, for what Perch needs, like the load balancer of the environment.

``python -m ops.local.load_balancer.listener --outputs FILE --certificate FILE --key FILE --gateways
FILE`` serves the stack's endpoint on the loopback addresses. It asks the AWS API that the
environment names for weights, rules and health checks, and forwards to the gateways that the
outputs name, by TLS.

Where it differs from AWS: a gateway's certificate has to be of the authority in FILE; a group with
no healthy target answers 503 and is not tried; weights are kept exactly and not by lot; there are
no access logs in S3, no HTTP/2 and no cookies of stickiness.
"""

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from ops import stack
from ops.local.load_balancer import elb_api
from ops.local.load_balancer.balancer import Balancer
from ops.local.load_balancer.connections import MAX_CLIENTS, ClientConnection, ConnectionTable
from ops.local.load_balancer.proxy import Proxy
from ops.local.load_balancer.routing import Target
from ops.local.supervisor.ports import LOOPBACK, families

HANDSHAKE_SECONDS = 10.0
BACKLOG = 512
log = logging.getLogger("perch.listener")


def targets_of(outputs: stack.StackOutputs, gateways: Path | None = None) -> Mapping[str, Target]:
    """Return where each target group's requests go on this machine.

    Args:
        outputs: What the stack exports.
        gateways: PEM file of what its gateways show; None for gateways without TLS.
    """
    return {
        colour.target_group_arn: Target(
            name=name, host="127.0.0.1", port=colour.gateway_port, identity=gateways
        )
        for name, colour in outputs.colours.items()
    }


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's context: TLS 1.2 and newer, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class Connections:
    """Owner of the tasks that serve clients.

    Args:
        proxy: What serves one of them.
        limit: How many there may be that are no WebSockets.
    """

    def __init__(self, proxy: Proxy, limit: int = MAX_CLIENTS) -> None:
        self._proxy = proxy
        self._clients = ConnectionTable(limit)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client that has connected, where there is a place for it."""
        if not self._clients.make_room():
            log.warning("a connection was refused: all are at work")
            writer.transport.abort()
            return
        client = ClientConnection(writer.transport)
        task = asyncio.create_task(self._proxy.serve(reader, writer, client), name="client")
        self._clients.add(task, client)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection failed", exc_info=error)

    async def close(self) -> None:
        """End every connection."""
        tasks = self._clients.tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(balancer: Balancer, *, port: int, context: ssl.SSLContext) -> None:
    """Listen on every loopback address until cancelled.

    Raises:
        OSError: The port cannot be had.
    """
    proxy = Proxy(
        choose=balancer.choose, idle_seconds=lambda: balancer.settings.idle_seconds, port=port
    )
    connections = Connections(proxy)
    server = await asyncio.start_server(
        connections.accept,
        [LOOPBACK[family] for family in families()],
        port,
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE_SECONDS,
        backlog=BACKLOG,
    )
    log.info("listening on port %d", port)
    try:
        await balancer.run()
    finally:
        server.close()
        await connections.close()


async def run(
    outputs: stack.StackOutputs, *, certificate: Path, key: Path, gateways: Path | None
) -> None:
    """Serve a stack until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    balancer = await Balancer.connect(
        elb_api.client(),
        load_balancer_arn=outputs.load_balancer_arn,
        listener_arn=outputs.listener_arn,
        targets=targets_of(outputs, gateways),
    )
    serving = asyncio.create_task(
        serve(balancer, port=outputs.listener_port, context=tls(certificate, key)), name="serve"
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    await asyncio.wait((serving,))
    if not serving.cancelled() and (error := serving.exception()) is not None:
        raise error


file_option = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--outputs", type=file_option, required=True, help="The stack's outputs, JSON.")
@click.option("--certificate", type=file_option, required=True, help="Certificate chain, PEM.")
@click.option("--key", type=file_option, required=True, help="Private key, PEM.")
@click.option(
    "--gateways", type=file_option, help="What gateways show and who is believed, PEM  [no TLS]."
)
def main(outputs: Path, certificate: Path, key: Path, gateways: Path | None) -> None:
    """Serve the endpoint of a stack that runs on this machine."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    for chatty in ("httpx", "httpcore", "botocore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    read = stack.read_file(outputs)
    asyncio.run(run(read, certificate=certificate, key=key, gateways=gateways))


if __name__ == "__main__":
    main()
