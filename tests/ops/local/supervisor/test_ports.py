"""Whether ports are free, asked of the machine's own sockets."""

import os
import socket
from collections.abc import Iterator

import pytest

from ops.local.supervisor.ports import holder, is_free, problems


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_what_wants_it_and_who_has_it(
    taken: int, unused_tcp_port: int
) -> None:
    (problem,) = problems({"the listener": taken, "gateway-blue": unused_tcp_port})
    assert problem.startswith(f"port {taken} for the listener is taken by ")
    assert problem.endswith(f"(process {os.getpid()})")


def test_a_port_wanted_twice_is_a_problem_before_anything_listens(unused_tcp_port: int) -> None:
    wanted = {"gateway-blue": unused_tcp_port, "gateway-green": unused_tcp_port}
    assert problems(wanted) == [
        f"port {unused_tcp_port} is wanted by gateway-blue and by gateway-green"
    ]


def test_a_port_that_was_just_given_back_is_free(taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    assert is_free(port)
    assert not is_free(taken)
    assert holder(port) is None
