"""Options that several commands of perch share."""

import os
import re
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import SecretStr

from ops.console.errors import ConfigurationError

LOCAL = "local"
"""The stack that `perch up` applies unless it is told another."""

_STACK = re.compile(r"(?!\.)[A-Za-z0-9_.-]+(/(?!\.)[A-Za-z0-9_.-]+){0,2}")
"""As Pulumi names stacks, with the organisation and the project before it or not."""


def _stack(context: click.Context, parameter: click.Parameter, name: str) -> str:
    del context, parameter
    if not _STACK.fullmatch(name):
        raise ConfigurationError(
            f"--stack is {name!a}; accepted: a name of letters, digits and - _ . as in "
            "stacks/Pulumi.NAME.yaml"
        )
    return name


Command = TypeVar("Command", bound=Callable[..., Any])


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds options in their order."""
    return lambda command: reduce(lambda built, option: option(built), reversed(options), command)


stack_option = click.option(
    "--stack",
    callback=_stack,
    envvar="PERCH_STACK",
    default=LOCAL,
    show_default=True,
    help="Name of the stack, as in stacks/Pulumi.NAME.yaml.",
)
_state_option = click.option(
    "--state-dir",
    envvar="PERCH_STATE_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of a stack that runs on this machine  [default: .perch/STACK].",
)
colour_option = click.option(
    "--colour",
    type=click.Choice(["blue", "green"]),
    help="Reach this colour, whatever the weights are.",
)
token_option = click.option(
    "--token-file",
    envvar="PERCH_TOKEN_FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the gateway's bearer token  [default: the variable PERCH_TOKEN].",
)
"""The token itself is no option: every process of a machine sees command lines."""
_ca_option = click.option(
    "--ca",
    envvar="PERCH_CA",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file of the authority to trust  [default: the stack's, else this machine's].",
)


stack_options = _together(stack_option, _state_option)
"""Which stack, and where its state is if it runs on this machine."""
access_options = _together(token_option, _ca_option)
"""How a gateway is told who asks, and how it proves who answers."""


def read_token(path: Path | None) -> SecretStr | None:
    """Return the bearer token in a file, else the one in PERCH_TOKEN; None when there is neither.

    Raises:
        ConfigurationError: The file cannot be read or is empty, or what it holds is no token.
    """
    if path is None:
        token = _token(os.environ.get("PERCH_TOKEN", "").strip(), "the variable PERCH_TOKEN")
        return SecretStr(token) if token else None
    try:
        # Whatever it is, the token is looked at below.
        token = path.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError as error:
        raise ConfigurationError(f"--token-file {path} cannot be read: {error.strerror}") from None
    if not token:
        raise ConfigurationError(f"--token-file {path} is empty; it must hold the token alone")
    return SecretStr(_token(token, f"--token-file {path}"))


def bearer(token: SecretStr | None) -> dict[str, str]:
    """Return the headers that show a token; none without one."""
    return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}


def revealed(token: SecretStr | None) -> str | None:
    """Return a token as a client takes it, for the call that it is given to."""
    return None if token is None else token.get_secret_value()


def _token(token: str, source: str) -> str:
    if not (token.isascii() and all("!" <= character <= "~" for character in token)):
        raise ConfigurationError(
            f"{source} does not hold a token alone; accepted: one of ASCII characters without "
            "spaces or line ends, as a header can carry it"
        )
    return token
