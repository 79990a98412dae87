"""An AWS API on this machine: moto with the patches, for a stack applied without AWS.

    python -m ops.offline.simulator.server --port 5000 --credentials FILE

It listens on the loopback interface only, keeps everything in memory, and ends on SIGTERM or
SIGINT. Requests have to be signed with the access key that it makes up and writes to FILE; what is
not is answered with 403, MissingAuthenticationToken, as soon as it is ready::

    AWS_ENDPOINT_URL=http://127.0.0.1:5000 AWS_SHARED_CREDENTIALS_FILE=FILE aws sts ...
"""

import argparse
import errno
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from ops.offline.simulator import credentials, moto_patches
from ops.offline.simulator.guard import Guard

LOOPBACK = "127.0.0.1"
SILENCE_SECONDS = 30.0
"""How long a connection may say nothing; each holds a thread."""


class _RequestHandler(MotoRequestHandler):  # type: ignore[misc]  # moto is untyped
    """moto's handler, which does not wait for ever."""

    timeout = SILENCE_SECONDS


def serve(port: int, key: credentials.AccessKey) -> None:
    """Serve until a signal comes.

    Args:
        port: TCP port; 0 takes a free one, which the first line on stdout names.
        key: what requests have to be signed with.

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
    # Otherwise each of moto's applications tells browsers that every page may read it.
    werkzeug_app.DISABLE_GLOBAL_CORS = True
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(
        LOOPBACK,
        taken,
        Guard(DomainDispatcherApplication(create_backend_app), key),
        threaded=True,
        request_handler=_RequestHandler,
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
    """Run from the command line; the exit status says whether port and file could be had."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.offline.simulator.server", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True, help="TCP port; 0 takes a free one")
    parser.add_argument(
        "--credentials",
        type=Path,
        required=True,
        help="file that gets the access key of this run, in the form of AWS's credentials file",
    )
    options = parser.parse_args(arguments)
    try:
        key = credentials.issue(options.credentials)
    except OSError as error:
        print(
            f"--credentials {options.credentials}: {os.strerror(error.errno or errno.EIO)};"
            " name a file in a folder that can be written to",
            file=sys.stderr,
        )
        return 1
    try:
        serve(options.port, key)
    except OSError as error:
        print(
            f"--port {options.port}: {os.strerror(error.errno or errno.EIO)}; choose another",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
