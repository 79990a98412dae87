"""A proxy that inspects TLS, as companies have them: it answers in every host's name.

It takes CONNECT, shows a certificate of its own authority for whatever name was asked, and serves a
package index behind it; nothing is fetched from anywhere.
"""

import hashlib
import io
import ssl
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import trustme

HOST: Final = "index.invalid"
"""Of the index; no resolver knows it, so only a proxy leads there."""


def wheel(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """Return a wheel for every Python.

    Args:
        name: Of the distribution.
        version: Of the same.
        files: Text by path inside the wheel.
    """
    information = f"{name}-{version}.dist-info"
    texts = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{information}/RECORD": "",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in texts.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
    return packed.getvalue()


@dataclass(frozen=True, slots=True)
class InspectingProxy:
    """A running proxy.

    Attributes:
        port: On the loopback address.
        authority: PEM of what signs its certificates.
        asked: Each `host:port` somebody had a tunnel to, once TLS in it had come about.
    """

    port: int
    authority: str
    asked: list[str]


@contextmanager
def inspecting_proxy(wheels: Mapping[str, bytes]) -> Iterator[InspectingProxy]:
    """Serve an index of wheels through a proxy that inspects TLS.

    Args:
        wheels: Content by file name, `name-version-py3-none-any.whl`.
    """
    authority = trustme.CA()
    asked: list[str] = []
    members = {"wheels": wheels, "authority": authority, "asked": asked}
    handler = type("Handler", (_Handler,), members)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        proxy = InspectingProxy(server.server_port, authority.cert_pem.bytes().decode(), asked)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            serving.join()


class _Handler(BaseHTTPRequestHandler):
    wheels: Mapping[str, bytes]
    authority: trustme.CA
    asked: list[str]

    def do_CONNECT(self) -> None:
        host, _, _ = self.path.partition(":")
        self.send_response_only(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except OSError:
            # The client does not believe it.
            self.close_connection = True
            return
        self.asked.append(self.path)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.handle_one_request()
        self.close_connection = True

    def do_GET(self) -> None:
        name = self.path.strip("/").rpartition("/")[2]
        if name in self.wheels:
            self.answer(self.wheels[name], "application/octet-stream")
            return
        links = [
            f'<a href="https://{HOST}/{file}#sha256={hashlib.sha256(content).hexdigest()}">{file}</a>'
            for file, content in self.wheels.items()
            if file.startswith(f"{name}-")
        ]
        self.answer("".join(links).encode(), "text/html")

    def finish(self) -> None:
        super().finish()
        # The one that wraps it; what the server closes was emptied by that.
        self.connection.close()

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
        """Stay quiet."""
