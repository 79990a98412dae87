"""Instance metadata inside a test machine: a folder of values, behind version 2's token.

A POST is a question to Systems Manager for a parameter; the value of the last part of its name is
the answer.

Run by the machine's own Python, which knows nothing of this repository.
"""

import argparse
import http.server
import json
from pathlib import Path

TOKEN = "the-session-token"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers PUT /latest/api/token, GET /latest/meta-data/... and POST."""

    folder = Path()

    def do_PUT(self) -> None:
        self.answer(TOKEN if "X-aws-ec2-metadata-token-ttl-seconds" in self.headers else None, 400)

    def do_GET(self) -> None:
        path = self.folder / self.path.removeprefix("/latest/meta-data/")
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self.answer(None, 401)
        elif self.path.endswith("/"):
            self.answer("\n".join(each.name for each in path.iterdir()), 404)
        else:
            self.answer(path.read_text() if path.is_file() else None, 404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        word = (self.folder / asked["Name"].rpartition("/")[2]).read_text()
        self.answer(json.dumps({"Parameter": {"Value": word, "Version": 1}}), 500)

    def answer(self, text: str | None, otherwise: int) -> None:
        body = (text or "").encode()
        self.send_response(otherwise if text is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what is answered from, a file a value")
    Handler.folder = parser.parse_args().folder
    http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()
