"""An AWS API on this machine: moto with the patches, for a stack applied without AWS.

    python -m ops.offline.server --port 5000

It listens on the loopback interface only, keeps everything in memory, and ends on SIGTERM or
SIGINT. `GET /moto-api/data.json` answers once it is ready, quickly while there is little to tell.
"""

import argparse
import errno
import logging
import os
import signal
import socket
import sys
import threading

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from ops.offline import moto_patches

LOOPBACK = "127.0.0.1"


def serve(port: int) -> None:
    """Serve until a signal comes.

    Args:
        port: TCP port; 0 takes a free one, which the first line on stdout names.

    Raises:
        OSError: the port is taken.
    """
    listening = socket.create_server((LOOPBACK, port))
    taken = listening.getsockname()[1]
    # moto signs some answers with boto3; it must never find the user's keys.
    os.environ.update(
        AWS_ACCESS_KEY_ID="offline",
        AWS_SECRET_ACCESS_KEY="offline",  # noqa: S106 - it opens nothing  # pragma: allowlist secret
        AWS_EC2_METADATA_DISABLED="true",
    )
    os.environ.pop("AWS_PROFILE", None)
    moto_patches.install()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(
        LOOPBACK,
        taken,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
        fd=listening.fileno(),
    )

    def stop(_number: int, _frame: object) -> None:
        # shutdown() waits for the loop below, so it must not be called on its thread.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"AWS API on http://{LOOPBACK}:{taken}", flush=True)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        listening.close()


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; the exit status says whether the port could be had."""
    parser = argparse.ArgumentParser(prog="python -m ops.offline.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port; 0 takes a free one")
    options = parser.parse_args(arguments)
    try:
        serve(options.port)
    except OSError as error:
        print(
            f"--port {options.port}: {os.strerror(error.errno or errno.EIO)}; choose another",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
