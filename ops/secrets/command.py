"""`perch secrets`: give a secret another value, which every gateway has within seconds."""

from __future__ import annotations

import re
import secrets
import sys
import time
from typing import TYPE_CHECKING, Final

import click

from infra.authority import UnusableIdentityError, parse
from ops.console.errors import ConfigurationError
from ops.console.options import stack_options
from ops.secrets import values as secret_values
from ops.stack import SecretArns, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.secrets.values import SecretValues

RESUME_KEYS: Final = "gateway_resume_keys"
KEY_BYTES: Final = 48
"""384 bits, 64 characters of base64: more than any signature that is made with them."""
TOKEN_SECONDS: Final = 120.0
"""For so long a resume token is good, unless a stack's file says otherwise: APP_RESUME_WINDOW_S."""
MOST_BYTES: Final = 65_536
"""Of a secret's value (AWS Secrets Manager, quotas)."""
_ONE_WORD: Final = re.compile(r"[A-Za-z0-9+/=_.:,@%~-]+")
"""What a machine takes as the value of a variable (infra/boot/scripts/fetch-secrets)."""


def _checked(name: str, text: str) -> str:
    """Return a value as it is kept.

    Raises:
        ConfigurationError: No machine could use it. The message has nothing of it.
    """
    value = text.strip("\r\n")
    if not value.strip():
        raise ConfigurationError(f"{name}: nothing came; accepted: the value on standard input")
    if len(value.encode()) > MOST_BYTES:
        raise ConfigurationError(f"{name}: over {MOST_BYTES} bytes, which is all a secret takes")
    if name == "ngc_api_key" and not _ONE_WORD.fullmatch(value):
        raise ConfigurationError(
            f"{name}: not one word of letters, digits and + / = _ . : , @ % ~ -"
        )
    if name in {"gateway_tls", "recogniser_tls", "tls_authority"}:
        try:
            # The key first, as machines take it apart.
            return parse(value).pem
        except UnusableIdentityError as error:
            raise ConfigurationError(f"{name}: {error}") from None
    return value


def rotate_resume_keys(
    values: SecretValues,
    *,
    follow_seconds: float,
    token_seconds: float,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Replace the keys of resume tokens so that no token is refused meanwhile.

    A gateway must accept a new key before any other signs with it, and an old one for as long as
    its tokens are good. Cut off at any step, every token that was given is still accepted, and the
    next call goes on.

    Args:
        values: The stack's secrets.
        follow_seconds: How long every gateway takes to follow.
        token_seconds: How long a token is good.
        say: Tells a person what was done.
        sleep: Waits for so many seconds.

    Raises:
        CommandFailedError: AWS refuses.
    """
    before = (values.read(RESUME_KEYS) or "").split()
    new = secrets.token_urlsafe(KEY_BYTES)
    last = ([new], 0.0, "the old keys are gone")
    steps = (
        ([*before, new], follow_seconds, "the new key is accepted"),
        ([new, *before], follow_seconds + token_seconds, "the new key signs"),
        last,
    )
    for keys, wait, done in steps if before else (last,):
        values.put(RESUME_KEYS, "\n".join(keys))
        values.announce()
        more = f"; {wait:g} s until the next step" if wait else ""
        say(f"{done}, everywhere within {follow_seconds:g} s{more}")
        sleep(wait)


@click.group("secrets")
def command() -> None:
    """Give a secret of a stack another value, which every gateway has within seconds.

    Values come from here or from standard input, and are never shown.
    """


@command.command("put")
@stack_options
@click.argument("name", type=click.Choice(sorted(SecretArns.model_fields)))
def put(stack: str, state_dir: Path | None, name: str) -> None:
    """Put a value from standard input, and have every machine fetch it.

    A key of NVIDIA is read when an image is pulled or a recogniser started; `perch rotate` replaces
    the machines where that should be now.
    """
    outputs = read(stack, chosen=state_dir)
    values, is_local = secret_values.connect(stack, outputs, state_dir)
    values.arn(name)
    if sys.stdin.isatty():
        text = click.prompt(name, hide_input=True, default="", show_default=False)
    else:
        # One more than a secret takes, so that it is seen to be too long.
        text = sys.stdin.read(MOST_BYTES + 1)
    values.put(name, _checked(name, text))
    values.announce()
    seconds = secret_values.follow_seconds(is_local=is_local)
    click.echo(f"{name}: replaced; every machine has it within {seconds:g} s")
    if name == "ngc_api_key":
        click.echo(f"for recognisers that run: perch rotate --stack {stack}")


@command.command("rotate")
@stack_options
@click.argument("name", type=click.Choice([RESUME_KEYS]))
@click.option(
    "--token-seconds",
    type=click.FloatRange(min=0),
    default=TOKEN_SECONDS,
    show_default=True,
    help="How long tokens of the old keys are good: the stack's APP_RESUME_WINDOW_S.",
)
def rotate(stack: str, state_dir: Path | None, name: str, token_seconds: float) -> None:
    """Make another key of resume tokens, in steps, so that no session that moves is refused.

    Every gateway learns it, then signs with it, then forgets the old ones: two and a half minutes.
    Cut off, nothing is lost; the same command again goes on.
    """
    outputs = read(stack, chosen=state_dir)
    values, is_local = secret_values.connect(stack, outputs, state_dir)
    rotate_resume_keys(
        values,
        follow_seconds=secret_values.follow_seconds(is_local=is_local),
        token_seconds=token_seconds,
        say=lambda line: click.echo(f"{name}: {line}"),
    )
