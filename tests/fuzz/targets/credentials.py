"""What an environment's own credentials are parsed from: API keys, their list, single-use tokens.

Keys here are fixed and good for nothing else, as are the times: every process has the same inputs.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from itsdangerous.encoding import base64_encode

from app.contract import ContractError, ErrorCode, TokenRequest, parse_token_request
from app.contract.limits import MAX_TOKEN_TTL_S
from app.credentials.access_list import AccessList, AccessListError
from app.credentials.api_key import ID_CHARS, PREFIX, SECRET_CHARS, ApiKey, checksum
from app.gateway.identity.access_list import CurrentAccessList
from app.gateway.identity.api_keys import ApiKeys
from app.gateway.identity.identity import ClientLimits, Identity, Refusal, TokenRefusedError
from app.gateway.identity.single_use import LEEWAY_S, Grant, SingleUseTokens
from app.gateway.identity.single_use import PREFIX as ONCE
from app.gateway.minting import TokenMint
from app.gateway.server.answers import error_response
from ops.token.command import _lines
from tests.fuzz.target import Target, check_code
from tests.fuzz.targets.looping import ran
from tests.support.keys import access_list, key_entry

NOW: Final = datetime(2026, 11, 28, tzinfo=UTC)
_NOW_S: Final = NOW.timestamp()
_DAY: Final = timedelta(days=1)
_SENTENCE_CHARS: Final = 1000
_SIGNING_KEY: Final = "a key of thirty-two characters!!"
_OWNER: Final = Identity(
    client="api-key ann",
    scopes=frozenset({"stream", "file"}),
    limits=ClientLimits(sessions=2, models=frozenset({"parakeet"})),
    key_id="0123456789",
    issued=_NOW_S - 100,
    expires=_NOW_S + 300,
)


def _clock() -> float:
    return _NOW_S


def _key(number: int) -> ApiKey:
    body = f"{PREFIX}{number:0{ID_CHARS}d}_{str(number) * SECRET_CHARS}"
    return ApiKey.parse(body + checksum(body))


GOOD, ENDED, EARLY, REVOKED = map(_key, range(4))
UNKNOWN: Final = _key(4)
_LISTED: Final = access_list(
    key_entry(GOOD, NOW),
    key_entry(ENDED, NOW - 2 * _DAY),
    key_entry(EARLY, NOW + _DAY),
    key_entry(REVOKED, NOW, revoked=NOW),
)
_KEYS: Final = ApiKeys(CurrentAccessList(_LISTED), _clock)


def api_key_seeds() -> list[bytes]:
    """Keys as they are (`r`), and bodies whose checksum is made to fit first (`c`)."""
    texts = [key.text for key in (GOOD, ENDED, EARLY, REVOKED, UNKNOWN)]
    near = [
        GOOD.text[:-1],
        f"{GOOD.text}0",
        GOOD.text.upper(),
        f"{GOOD.text}\n",
        GOOD.text.replace("_", "-"),
        GOOD.text * 2,
        PREFIX,
        "",
    ]
    bodies = [text[:-6] for text in texts]
    bodies += [f"{PREFIX}{ENDED.key_id}{GOOD.text[16:-6]}", GOOD.text[:-7] + "1"]
    return [
        *(b"r" + text.encode() for text in texts + near),
        *(b"c" + text.encode() for text in bodies),
    ]


def check_api_key(data: bytes) -> None:
    """The good key lets its owner in; every other text is refused, or is no key at all."""
    text = data[1:].decode("latin-1")
    if data[:1] == b"c" and text.isascii():
        text += checksum(text)
    try:
        identity = ran(_KEYS.identify(text))
    except TokenRefusedError as refused:
        _check_refused(text, refused)
        return
    if identity is None:
        assert not text.startswith(PREFIX)
        return
    assert text == GOOD.text
    assert identity.client == "api-key ann"


def _check_refused(text: str, refused: TokenRefusedError) -> None:
    assert text != GOOD.text
    assert text.startswith(PREFIX)
    assert refused.token_id is None or refused.token_id == text[len(PREFIX) :][:ID_CHARS]
    known = {ENDED: Refusal.EXPIRED, EARLY: Refusal.EARLY, REVOKED: Refusal.REVOKED}
    reason = {key.text: one for key, one in known.items()}.get(text, refused.reason)
    assert refused.reason is reason


def access_list_seeds() -> list[bytes]:
    """Lists with entries of each kind, right and wrong."""
    document: dict[str, Any] = json.loads(_LISTED.write())
    [key, *_] = document["keys"]
    said: list[object] = [
        document,
        {"format": 1},
        {"format": 2, "keys": []},
        {"format": 1, "keys": [key, key]},
        {"format": 1, "keys": [{**key, "expires": "0001-01-01T00:00:00+14:00"}]},
        {"format": 1, "keys": [{**key, "expires": "9999-12-31T23:59:59-14:00"}]},
        {"format": 1, "keys": [{**key, "expires": "2027-01-01T00:00:00"}]},
        {"format": 1, "keys": [{**key, "sha256": key["sha256"].upper()}]},
        {"format": 1, "keys": [{**key, "limits": {"sessions": 10**30, "models": ["a"]}}]},
        {"format": 1, "keys": [{**key, "scopes": ["stream", "stream", "root"]}]},
        {
            "format": 1,
            "revoked_tokens": [{"jti": "a", "revoked": key["created"], "until": key["expires"]}],
            "revoked_clients": [
                {"client": "api-key ann", "before": key["created"]},
                {"client": "ann", "before": key["expires"]},
                {"client": "https://issuer.example/ ann", "before": key["created"]},
            ],
        },
        [document],
    ]
    return [json.dumps(one).encode() for one in said]


def check_access_list(data: bytes) -> None:
    """A list is gone by, written and listed; or it is refused without a value of it."""
    try:
        listed = AccessList.parse(data)
    except AccessListError as refused:
        _check_repeats_nothing(str(refused), data)
        return
    assert AccessList.parse(listed.write()) == listed
    current = CurrentAccessList(listed, "https://issuer.example/", _clock)
    counts = current.counts()
    assert 0 <= counts.good <= len(listed.keys)
    shown = "\n".join(_lines(listed, NOW))
    for entry in listed.keys:
        assert current.find(entry.id) == entry
        assert entry.sha256 not in shown.replace(entry.owner, "")
    for token in listed.revoked_tokens:
        revoked = Identity(client="somebody", scopes=frozenset(), token_id=token.jti)
        assert current.refusal(revoked) is Refusal.REVOKED
    for client in listed.revoked_clients:
        for name in (client.client, f"https://issuer.example/ {client.client}"):
            then = Identity(client=name, scopes=frozenset(), issued=client.before.timestamp())
            assert current.refusal(then) is Refusal.REVOKED, name


def _check_repeats_nothing(sentence: str, document: bytes) -> None:
    assert len(sentence) < _SENTENCE_CHARS, sentence
    for part in document.split(b'"'):
        # A hash, or what might be a key that somebody has put there.
        assert len(part) < SECRET_CHARS or part.decode("latin-1") not in sentence, sentence


@cache
def _signer() -> SingleUseTokens:
    return SingleUseTokens([_SIGNING_KEY], _clock)


@cache
def _minted() -> tuple[str, ...]:
    grants = (
        Grant(scopes=frozenset({"stream"}), ttl_s=60),
        Grant(
            scopes=frozenset({"file"}), ttl_s=600, max_session_s=5, origin="https://app.example.org"
        ),
    )
    return tuple(_signer().mint(_OWNER, grant).token for grant in grants)


def _signed(payload: bytes) -> str:
    """Return a token of any payload, signed by the right key."""
    serializer = _signer()._serializer
    return ONCE + serializer.make_signer(serializer.salt).sign(base64_encode(payload)).decode()


_PAYLOAD: Final[dict[str, Any]] = {
    "v": 1,
    "nonce": "n",
    "by": "api-key ann",
    "sc": ["stream"],
    "iat": _NOW_S,
    "exp": _NOW_S + 60,
}


def single_use_seeds() -> list[bytes]:
    """Tokens as they are (`r`), and payloads that are signed first (`s`)."""
    said: list[dict[str, Any]] = [
        _PAYLOAD,
        {**_PAYLOAD, "exp": _NOW_S},
        {**_PAYLOAD, "exp": 1e300},
        {**_PAYLOAD, "iat": _NOW_S + 31, "exp": _NOW_S + 90},
        {**_PAYLOAD, "iat": _NOW_S - 600, "exp": _NOW_S + 1},
        {**_PAYLOAD, "v": 2},
        {**_PAYLOAD, "sc": []},
        {**_PAYLOAD, "ses": 0, "org": "null"},
        {**_PAYLOAD, "jti": "j", "key": "k", "made": 1.0, "ends": 2.0, "max": 1, "mod": ["a"]},
        {**_PAYLOAD, "nonce": 5},
    ]
    # A minted token has another nonce in each process: its letters are what a seed is of.
    return [
        *(b"s" + json.dumps(one).encode() for one in said),
        *(b"r" + _signed(json.dumps(one).encode()).encode() for one in said[:2]),
        b"r" + ONCE.encode(),
        b"r" + ONCE.encode() + b".eJw.b",
        b"r" + b"perch-twice.a.b",
        b"m0",
        b"m1",
        b"m0x",
    ]


def check_single_use(data: bytes) -> None:
    """A token lets in once, as what it says and while it does; without a signature never."""
    text = data[1:].decode("latin-1")
    if data[:1] == b"s":
        token = _signed(data[1:])
    elif data[:1] == b"m":
        token = _minted()[int(text[:1] == "1")] + text[1:]
    else:
        token = text
    gateway = SingleUseTokens([_SIGNING_KEY], _clock)
    try:
        identity = ran(gateway.identify(token))
    except TokenRefusedError:
        assert token not in _minted()
        return
    if identity is None:
        assert not token.startswith(ONCE)
        return
    assert identity.stands_in
    if data[:1] == b"s":
        said = json.loads(data[1:])
        assert _NOW_S < said["exp"] <= said["iat"] + MAX_TOKEN_TTL_S + 0.01
        assert said["iat"] <= _NOW_S + LEEWAY_S
        assert (identity.client, sorted(identity.scopes)) == (said["by"], sorted(set(said["sc"])))
        assert (identity.key_id, identity.token_id) == (said.get("key"), said.get("jti"))
    assert _refusal(gateway, token) is Refusal.USED


def _refusal(gateway: SingleUseTokens, token: str) -> Refusal | None:
    try:
        ran(gateway.identify(token))
    except TokenRefusedError as refused:
        return refused.reason
    return None


def token_request_seeds() -> list[bytes]:
    """Bodies of `POST /v1/tokens`."""
    asked: list[object] = [
        {},
        {"ttl": 600, "scopes": ["stream", "file"], "max_session_seconds": 30},
        {"ttl": 0.5},
        {"ttl": True, "scopes": "stream"},
        {"scopes": ["admin"]},
        {"scopes": ["stream", "stream"]},
        {"origin": "https://app.example.org:8443"},
        {"origin": "null"},
        {"origin": "https://[::1"},
        {"origin": "https://app.example.org/path"},
        {"origin": "https://ex\u00e4mple.org\ud800"},
        {"ttl": 60, "unknown": 1},
        [],
    ]
    return [b"", b'{"ttl": NaN}', b"[" * 2000, *(json.dumps(one).encode() for one in asked)]


def check_token_request(data: bytes) -> None:
    """A body is answered by a token for what was asked for and no more, or by a sentence."""
    try:
        request = parse_token_request(data)
        answer = TokenMint(_signer(), 0).exchange(_OWNER, request)
    except ContractError as refused:
        check_code(refused, {ErrorCode.BAD_REQUEST, ErrorCode.INSUFFICIENT_SCOPE})
        _check_can_be_told(refused.sentence)
        return
    answer.model_dump_json()
    # At another gateway, which has the key too.
    identity = ran(SingleUseTokens([_SIGNING_KEY], _clock).identify(answer.token))
    assert identity is not None
    _check_allowed(identity, request)
    assert 0 < answer.expires_in <= min(request.ttl, 300)


def _check_can_be_told(sentence: str) -> None:
    assert len(sentence) < _SENTENCE_CHARS, sentence
    # As JSON, in UTF-8.
    assert error_response(ContractError(ErrorCode.BAD_REQUEST, detail=sentence)).body


def _check_allowed(identity: Identity, request: TokenRequest) -> None:
    assert identity.scopes == frozenset(request.scopes) <= _OWNER.scopes
    assert (identity.client, identity.key_id) == (_OWNER.client, _OWNER.key_id)
    assert (identity.limits.sessions, identity.limits.models) == (2, frozenset({"parakeet"}))
    assert identity.limits.session_s == request.max_session_seconds
    assert identity.origin == request.origin
    assert identity.expires == _OWNER.expires


API_KEYS: Final = Target(
    name="api-keys",
    title="API keys",
    seeds=api_key_seeds,
    check=check_api_key,
)
ACCESS_LISTS: Final = Target(
    name="access-lists",
    title="Access lists",
    seeds=access_list_seeds,
    check=check_access_list,
    longest=16_384,
)
SINGLE_USE: Final = Target(
    name="single-use",
    title="Single-use tokens",
    seeds=single_use_seeds,
    check=check_single_use,
    longest=8192,
)
TOKEN_REQUESTS: Final = Target(
    name="token-requests",
    title="What single-use tokens are asked for with",
    seeds=token_request_seeds,
    check=check_token_request,
)
