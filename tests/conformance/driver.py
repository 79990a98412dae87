"""Runs Autobahn's test cases against a server. Runs in the environment that has them.

One connection a case, one after another. A case is judged by its own code; what stands here is the
connection it is given, made of Autobahn's current client, and the edge between the two: the cases
speak of bytes as Python 2 did, as characters.
"""

import argparse
import binascii
import json
import sys
import time
import types
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

try:
    import txaio
    from autobahn.twisted.websocket import (
        WebSocketClientFactory,
        WebSocketClientProtocol,
        connectWS,
    )
    from autobahn.websocket import compress, utf8validator
    from twisted.internet import reactor
except ModuleNotFoundError as absent:
    sys.stderr.write(
        f"{absent.name} is not installed here; `make conformance` runs this elsewhere\n"
    )
    sys.exit(2)

CASE_S = 180
"""A case that takes longer is given up; the longest that is sent takes a few seconds."""

OPTIONS = {
    "failByDrop": False,
    "openHandshakeTimeout": 5,
    "closeHandshakeTimeout": 3,
    "utf8validateIncoming": False,
}


def octets(text: Any) -> Any:
    """Return bytes for characters of the same numbers, and everything else as it is."""
    return text.encode("latin-1") if isinstance(text, str) else text


def characters(data: Any) -> Any:
    return data.decode("latin-1") if isinstance(data, bytes) else data


class Deflate(compress.PerMessageDeflateOffer):
    """The offer, by the names of its arguments at the time of the cases."""

    def __init__(
        self, requestNoContextTakeover: bool = False, requestMaxWindowBits: int = 0
    ) -> None:
        super().__init__(
            request_no_context_takeover=requestNoContextTakeover,
            request_max_window_bits=requestMaxWindowBits,
        )
        self.requestNoContextTakeover = requestNoContextTakeover
        self.requestMaxWindowBits = requestMaxWindowBits


class Validator(utf8validator.Utf8Validator):
    def validate(self, text: Any) -> Any:
        return super().validate(octets(text))


def load_cases(folder: Path, testdata: Path) -> dict[str, Any]:
    """Import the converted cases with what they expect of their time.

    Args:
        folder: Where the package of cases is.
        testdata: Folder of the payloads of the cases about compression.
    """
    resources = types.ModuleType("pkg_resources")
    resources.__dict__["resource_filename"] = lambda _package, name: str(testdata / Path(name).name)
    sys.modules["pkg_resources"] = resources
    to_hex = binascii.b2a_hex
    binascii.__dict__["b2a_hex"] = lambda data: to_hex(octets(data)).decode()
    utf8validator.Utf8Validator = Validator
    compress.PerMessageDeflateOffer = Deflate
    sys.path.insert(0, str(folder.parent))
    package = import_module(folder.name)
    base = import_module(f"{folder.name}.case").Case
    base.compare = lambda _case, one, other: one == other
    return {case.__name__[len("Case") :].replace("_", "."): case for case in package.Cases}


class Fuzzer(WebSocketClientProtocol):
    """The connection as a case sees it."""

    case: Any = None
    connectionWasOpen = False
    createWirelog = False
    trafficStats: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.txFrameStats: dict[int, int] = {}

    # What a case may do

    def sendFrame(self, opcode: int, payload: Any = b"", **options: Any) -> None:
        if options.get("mask") is not None:
            options["mask"] = octets(options["mask"])
        super().sendFrame(opcode, octets(payload), **options)

    def sendMessage(self, payload: Any, isBinary: bool = False, **options: Any) -> None:
        super().sendMessage(octets(payload), isBinary, **options)

    def sendPing(self, payload: Any = None) -> None:
        super().sendPing(octets(payload))

    def sendPong(self, payload: Any = None) -> None:
        super().sendPong(octets(payload))

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: Any = None, isReply: bool = False
    ) -> None:
        super().sendCloseFrame(code, octets(reasonUtf8), isReply)

    def sendMessageFrameData(self, payload: Any, sync: bool = False) -> Any:
        return super().sendMessageFrameData(octets(payload), sync)

    def sendData(self, data: Any, *arguments: Any, **options: Any) -> None:
        super().sendData(octets(data), *arguments, **options)

    def failConnection(self) -> None:
        self._fail_connection()

    def enableWirelog(self, enable: bool) -> None:
        self.createWirelog = enable

    def continueLater(self, delay: float, act: Callable[[], None], _tag: str = "") -> None:
        def unless_closed() -> None:
            if self.state != self.STATE_CLOSED:
                act()

        reactor.callLater(delay, unless_closed)

    def killAfter(self, delay: float) -> None:
        self.continueLater(delay, self.failConnection)

    def closeAfter(self, delay: float) -> None:
        self.continueLater(delay, self.sendClose)

    # What a case is told

    def logTxFrame(self, frameHeader: Any, *_details: Any) -> None:
        opcode = frameHeader.opcode
        self.txFrameStats[opcode] = self.txFrameStats.get(opcode, 0) + 1

    def logRxFrame(self, *_details: Any) -> None:
        pass

    def onOpen(self) -> None:
        self.connectionWasOpen = True
        self.case.onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.case.onMessage(characters(payload), isBinary)

    def onPong(self, payload: bytes) -> None:
        self.case.onPong(characters(payload))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.case.onClose(wasClean, code, reason)

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self.factory.ended(self)


class Run(WebSocketClientFactory):
    """One case after another.

    Args:
        url: Of the server.
        cases: Case classes by their ids, in their order.
        done: Called with the results when there is none left.
    """

    def __init__(
        self, url: str, cases: dict[str, Any], done: Callable[[list[dict[str, Any]]], None]
    ) -> None:
        super().__init__(url)
        self.setProtocolOptions(**OPTIONS)
        self.logFrames = True
        self.cases = list(cases.items())
        self.done = done
        self.results: list[dict[str, Any]] = []
        self.step()

    def step(self) -> None:
        if not self.cases:
            self.done(self.results)
            return
        self.name, self.case = self.cases.pop(0)
        self.began = time.monotonic()
        self.watch = reactor.callLater(CASE_S, self.give_up)
        connectWS(self, timeout=5)

    def buildProtocol(self, _address: Any) -> Fuzzer:
        self.connection = Fuzzer()
        self.connection.factory = self
        self.connection.case = self.case(self.connection)
        return self.connection

    def give_up(self) -> None:
        self.connection.dropConnection(abort=True)

    def clientConnectionFailed(self, _connector: Any, reason: Any) -> None:
        self.watch.cancel()
        self.note("FAILED", "FAILED", reason.getErrorMessage(), None)

    def ended(self, connection: Fuzzer) -> None:
        if self.watch.active():
            self.watch.cancel()
        case = connection.case
        fault = None
        try:
            case.onConnectionLost(connection.failedByMe)
        except Exception as error:  # noqa: BLE001 - whose ever fault it is, it is no result
            fault = f"driver: {error!r}"
        close = connection.remoteCloseCode
        if fault is not None:
            self.note("FAULT", "FAULT", fault, close)
        else:
            detail = case.result if case.behavior != "OK" else case.resultClose
            self.note(case.behavior, case.behaviorClose, detail, close)

    def note(self, behavior: str, close_behavior: str, detail: Any, code: int | None) -> None:
        self.results.append(
            {
                "id": self.name,
                "behavior": behavior,
                "close": close_behavior,
                "code": code,
                "detail": " ".join(str(detail).split())[:300],
                "seconds": round(time.monotonic() - self.began, 3),
            }
        )
        reactor.callLater(0, self.step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--cases", type=Path, required=True, help="folder of the converted cases")
    parser.add_argument("--testdata", type=Path, required=True)
    parser.add_argument("--sections", nargs="+", required=True, help="as 1 or 6.2 or 7.1.5")
    options = parser.parse_args()
    txaio.use_twisted()
    cases = load_cases(options.cases.resolve(), options.testdata)
    wanted = tuple(f"{section}." for section in options.sections)
    chosen = {name: case for name, case in cases.items() if f"{name}.".startswith(wanted)}
    found: list[dict[str, Any]] = []

    def done(results: list[dict[str, Any]]) -> None:
        found.extend(results)
        reactor.stop()

    reactor.callWhenRunning(Run, options.url, chosen, done)
    reactor.run()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
