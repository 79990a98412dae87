"""Whatever kind of secret stands wherever in an event, the log does not have it.

The secrets are made up here, in the shapes that their makers give them.
"""

import base64
import json
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from app.asr import BEGINNING
from app.gateway.resume_token import ResumeTokens
from app.redaction import Redactor
from app.secret_shapes import MASK, spellings

ROOT: Final = Path(__file__).parents[2]
NOISE: Final = "Zx7Qw9Er5Ty3" + "Ui1Op8As6Df4Gh2Jk0Lz"
PEM: Final = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
JWT: Final = jwt.encode({"sub": "somebody", "exp": 1}, "k" * 32, "HS256")
RESUME: Final = f"eyJ2IjoyLCJhdCI6MTcwMC4wfQ.{NOISE}"
ACCESS_KEY: Final = "AKIA" + "QRST" * 4
NGC: Final = "nvapi-" + NOISE

KINDS: Final = {
    # What is written, and what of it must be gone.
    "a bearer header": (f"Authorization: Bearer {NOISE}", NOISE),
    "a bearer header as Python prints it": (f"{{'authorization': 'Bearer {NOISE}'}}", NOISE),
    "a bearer header as bytes": (f"[(b'authorization', b'Bearer {NOISE}')]", NOISE),
    "a subprotocol": (f"Sec-WebSocket-Protocol: perch, bearer.{NOISE}", NOISE),
    "basic credentials": (f"Authorization: Basic {NOISE}", NOISE),
    "a token in an address": (f"GET /ws?language=en-US&token={NOISE} HTTP/1.1", NOISE),
    "another name in an address": (f"wss://host/?access_token={NOISE}&x=1", NOISE),
    "a resume token in an address": (f"wss://host/?resume={NOISE}", NOISE),
    "a password in an address": (f"https://user:{NOISE}@host/path", NOISE),
    "a JSON Web Token": (f"could not verify {JWT} of a client", JWT.rpartition(".")[2]),
    "a JSON Web Token, cut off": (f"could not verify {JWT[:-9]}", JWT[20:-9]),
    "a resume token": (f"unreadable: {RESUME}", RESUME.rpartition(".")[2]),
    "a private key": (f"cannot load {PEM}!", PEM.splitlines()[1]),
    "a private key, cut off": (f"cannot load {PEM[:100]}", PEM.splitlines()[1][:40]),
    "a private key in JSON": (json.dumps({"text": PEM}), PEM.splitlines()[2]),
    "an AWS access key": (f"signed by {ACCESS_KEY}", ACCESS_KEY),
    "an AWS secret key": (f'{{"SecretAccessKey": "{NOISE}"}}', NOISE),
    "an AWS secret key in a file": (f"aws_secret_access_key={NOISE}", NOISE),
    "a signature of AWS": (f"https://s3/x?X-Amz-Signature={NOISE}&y=1", NOISE),
    "an NGC key": (f"docker login failed for {NGC}", NOISE),
    "a variable": (f"NGC_API_KEY={NOISE} was set", NOISE),
    "a variable with quotes": (f'APP_AUTH_TOKENS="{NOISE}, {NOISE}"', NOISE),
    "a cookie": (f"{{'cookie': 'session={NOISE}'}}", NOISE),
}


@pytest.mark.parametrize(("written", "secret"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "where",
    [
        lambda text: {"event": text},
        lambda text: {"event": "x", "detail": f"before {text} after"},
        lambda text: {"event": "x", "held": {"inside": [text, {"deeper": text}]}},
        lambda text: {"event": "x", "held": {text: "as a key"}},
        lambda text: {"event": "x", "error": ValueError(text)},
        lambda text: {"event": "x", "exception": f"Traceback\n  File x\nValueError: {text}"},
    ],
    ids=["event", "field", "nested", "key", "exception", "traceback"],
)
def test_a_secret_of_each_kind_is_masked_wherever_it_stands(
    written: str, secret: str, where: Callable[[str], dict[str, object]]
) -> None:
    event = Redactor()(None, "info", where(written))
    assert secret not in str(event)
    assert MASK in str(event)


HARMLESS: Final = (
    "token refused",
    "the resume token is too old: expired",
    "APP_AUTH_TOKENS_FILE is '/run/perch/files/tokens'; accepted: a readable file",
    "no keys to check tokens with: the issuer does not answer",
    "anyone who can reach this port may use it: neither APP_AUTH_TOKENS nor an issuer is set",
    "speech.example.org:8443 answers HTTP 503",
    "arn:aws:secretsmanager:us-east-2:123456789012:secret:perch/dev/ngc-key-AbCdEf",
    "parakeet-rnnt-1.1b-unified-ml-cs-universal-multi-asr-streaming",
    "certificate ends 2027-05-31T12:00:00+00:00",
    "the bearer",
    "https://issuer.example/.well-known/jwks.json?page=2",
)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert Redactor().text(text) == text


def test_every_event_of_the_log_stays_readable() -> None:
    page = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    events = re.findall(r"`([^`\n]+)`", page)
    assert len(events) > 50
    assert [event for event in events if Redactor().text(event) != event] == []


def test_a_name_of_a_secret_masks_its_field_and_what_it_is_called_does_not() -> None:
    event = {"event": "x", "api_key": "x", "token_id": "jti-1", "tokens": 3}
    assert Redactor()(None, "info", event) == {
        **event,
        "api_key": MASK,
    }


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=64)


@given(secret=SECRETS, before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_a_known_secret_is_masked_in_base64_whatever_stands_beside_it(
    secret: str, before: bytes, after: bytes
) -> None:
    redactor = Redactor([secret])
    whole = before + secret.encode() + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        masked = redactor.text(encode(whole).decode())
        # What is left of the secret is what a character shares with its neighbours: 2 at each end.
        left = "".join(masked.split(MASK))
        assert len(left) <= len(encode(before + after)) + 8
        assert MASK in masked


@given(secret=SECRETS)
def test_a_known_secret_is_masked_in_an_address_and_in_json(secret: str) -> None:
    redactor = Redactor([secret])
    for spelled in (quote(secret, safe=""), json.dumps(secret)[1:-1], secret):
        assert spelled not in redactor.text(f"a {spelled} z").replace(MASK, "\0")


@given(st.text(max_size=200))
def test_any_text_is_masked_and_masking_it_again_changes_nothing(text: str) -> None:
    redactor = Redactor([NOISE])
    once = redactor.text(text)
    assert redactor.text(once) == once


@given(st.text(string.ascii_letters + " ;&=\"':-.{}[]\\/?", max_size=2000))
def test_a_long_text_is_masked_in_time(text: str) -> None:
    """The suite's own timeout is the judge: no pattern here may try its ways one by one."""
    Redactor([NOISE]).text(text * 5)


def test_the_spellings_of_a_short_secret_are_no_bits_of_words() -> None:
    assert set(spellings("abcdef")) == {"abcdef"}


@pytest.mark.parametrize("session", ["s", "s" * 200], ids=["short", "long"])
def test_a_resume_token_has_the_shape_that_is_looked_for(session: str) -> None:
    token = ResumeTokens(["k" * 32], 60).point(BEGINNING, session).token
    masked = Redactor().text(f"unreadable: {token}, as it is")
    assert masked == f"unreadable: {MASK}, as it is"
