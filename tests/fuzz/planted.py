"""Targets with a defect each, by which tests see that the fuzzers find one."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Final

from tests.fuzz.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _raises(data: bytes) -> None:
    if data[:1] == b"s" and data[1:2] > b"e":
        raise ValueError("planted")


@cache
def _held() -> list[bytes]:
    return []


def _grows(data: bytes) -> None:
    _held().append(b"x" * (len(data) << 16))


def _dies(data: bytes) -> None:
    if data[:1] == b"s" and data[1:2] > b"e":
        os.abort()


def _takes_long(data: bytes) -> None:
    until = time.process_time() + 1.2 * (data[:1] == b"s" and data[1:2] > b"e")
    while time.process_time() < until:
        pass


def _planted(name: str, check: Callable[[bytes], None]) -> Target:
    return Target(
        name=name,
        title="A defect",
        seeds=lambda: [b"seed", b"sane"],
        check=check,
        grown_mib=8,
        input_s=1,
    )


TARGETS: Final[Mapping[str, Target]] = {
    "raises": _planted("raises", _raises),
    "grows": _planted("grows", _grows),
    "dies": _planted("dies", _dies),
    "takes-long": _planted("takes-long", _takes_long),
}
