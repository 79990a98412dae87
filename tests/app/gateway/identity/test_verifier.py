"""Which tokens let their bearer in: the good one, and each of its nearest wrong neighbours.

Keys and signatures are real ones. That a gateway asks for tokens, and that keys rotate, is shown
beside.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from app.gateway.identity.algorithms import ALGORITHMS
from app.gateway.identity.identity import ClientLimits, Identity, Refusal, TokenRefusedError
from app.gateway.identity.keys import Keys
from app.gateway.identity.verifier import MAX_TOKEN_CHARS, TokenRules, TokenVerifier
from tests.support import issuer
from tests.support.issuer import AUDIENCE, NAME, key_set, private_key, public_jwk

ASYMMETRIC = tuple(name for name in ALGORITHMS if name != "HS256")
NOW = time.time()
"""Of the verifier's clock, which does not go on."""
LEEWAY, LONGEST = 30.0, 7200.0


def claims(**changes: object) -> dict[str, object]:
    """Claims that are good at `NOW`."""
    return issuer.claims(NOW, **changes)


def token(
    said: Mapping[str, object] | None = None,
    *,
    algorithm: str = "ES256",
    key: str = "one",
    headers: Mapping[str, object] | None = None,
) -> str:
    """A token with claims that are good at `NOW`."""
    good = claims() if said is None else said
    return issuer.token(good, algorithm=algorithm, key=key, headers=headers)


class Source:
    """A key set in memory."""

    def __init__(self, document: bytes) -> None:
        self.document = document

    async def read(self) -> bytes:
        return self.document


def verifier(
    *keys: tuple[str, str],
    algorithms: tuple[str, ...] = ASYMMETRIC,
    document: bytes | None = None,
    now: float = NOW,
    prefix: str = "",
) -> TokenVerifier:
    rules = TokenRules(
        issuer=NAME,
        audience=AUDIENCE,
        algorithms=algorithms,
        leeway_s=LEEWAY,
        max_lifetime_s=LONGEST,
        scope_prefix=prefix,
    )
    source = Source(document or key_set(*(keys or (("ES256", "one"),))))
    return TokenVerifier(rules, Keys(source, algorithms, 300), lambda: now)


async def refusal(shown: str, by: TokenVerifier | None = None) -> Refusal:
    with pytest.raises(TokenRefusedError) as refused:
        await (by or verifier()).identify(shown)
    return refused.value.reason


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
async def test_a_token_signed_with_a_key_of_the_issuer_says_who_its_bearer_is(
    algorithm: str,
) -> None:
    found = await verifier((algorithm, "one")).identify(token(algorithm=algorithm))
    assert found == Identity(client=f"{NAME} app", scopes=frozenset({"stream", "file"}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://issuer.example"}, Refusal.ISSUER),
        ({"iss": NAME.upper()}, Refusal.ISSUER),
        ({"iss": None}, Refusal.CLAIMS),
        ({"aud": "speech.example.evil.com"}, Refusal.AUDIENCE),
        ({"aud": ["other", "speech"]}, Refusal.AUDIENCE),
        ({"aud": []}, Refusal.CLAIMS),
        ({"aud": None}, Refusal.CLAIMS),
        ({"exp": None}, Refusal.CLAIMS),
        ({"iat": None}, Refusal.CLAIMS),
        ({"exp": NOW - LEEWAY}, Refusal.EXPIRED),
        ({"exp": str(NOW + 60)}, Refusal.CLAIMS),
        ({"exp": True}, Refusal.CLAIMS),
        ({"exp": float("inf")}, Refusal.CLAIMS),
        ({"exp": float("nan")}, Refusal.CLAIMS),
        ({"exp": 10**400}, Refusal.CLAIMS),
        ({"iat": NOW + LEEWAY + 1}, Refusal.EARLY),
        ({"nbf": NOW + LEEWAY + 1}, Refusal.EARLY),
        ({"nbf": "soon"}, Refusal.CLAIMS),
        ({"iat": NOW, "exp": NOW + LONGEST + 1}, Refusal.LIFETIME),
        ({"client_id": ""}, Refusal.CLAIMS),
        ({"client_id": 7}, Refusal.CLAIMS),
        ({"client_id": "a" * 257}, Refusal.CLAIMS),
        ({"client_id": None, "sub": None}, Refusal.CLAIMS),
        ({"scope": {"stream": True}}, Refusal.CLAIMS),
        ({"scope": ["stream", 7]}, Refusal.CLAIMS),
    ],
)
async def test_each_claim_has_its_nearest_wrong_neighbour(
    changes: dict[str, object], reason: Refusal
) -> None:
    assert await refusal(token(claims(**changes))) is reason


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - LEEWAY + 1, "iat": NOW - 60},
        {"iat": NOW + LEEWAY - 1, "exp": NOW + 60},
        {"nbf": NOW + LEEWAY - 1},
        {"iat": NOW, "exp": NOW + LONGEST},
        {"aud": ["other", AUDIENCE]},
        {"client_id": "a" * 256},
    ],
)
async def test_what_is_within_the_bounds_is_let_in(changes: dict[str, object]) -> None:
    await verifier().identify(token(claims(**changes)))


@pytest.mark.parametrize(
    ("changes", "client"),
    [
        ({"client_id": None}, "somebody"),
        ({"client_id": None, "azp": "party"}, "party"),
        ({"azp": "party"}, "app"),
    ],
)
async def test_the_client_is_who_the_token_was_issued_to(
    changes: dict[str, object], client: str
) -> None:
    assert (await verifier().identify(token(claims(**changes)))).client == f"{NAME} {client}"


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"scope": "perch/stream other perch/"}, {"stream", ""}),
        ({"scope": None, "scp": ["perch/file"]}, {"file"}),
        ({"scope": "stream"}, set()),
        ({"scope": None}, set()),
    ],
)
async def test_scopes_are_those_behind_the_prefix(
    changes: dict[str, object], scopes: set[str]
) -> None:
    found = await verifier(prefix="perch/").identify(token(claims(**changes)))
    assert found.scopes == scopes


async def test_a_token_says_which_it_is_and_until_when_it_is_good() -> None:
    found = await verifier().identify(token(claims(jti="a-token", iat=NOW - 9, exp=NOW + 60)))
    assert (found.token_id, found.issued, found.expires) == ("a-token", NOW - 9, NOW + 60)
    assert (await verifier().identify(token())).token_id is None


async def test_the_issuer_may_limit_a_client() -> None:
    said = {"sessions": 2, "new_per_minute": 30, "models": ["parakeet", "nemotron"]}
    found = await verifier().identify(token(claims(perch_limits=said)))
    assert found.limits == ClientLimits(
        sessions=2, new_per_minute=30, models=frozenset({"parakeet", "nemotron"})
    )
    some = await verifier().identify(token(claims(perch_limits={"sessions": 1})))
    assert some.limits == ClientLimits(sessions=1)
    assert (await verifier().identify(token())).limits == ClientLimits()


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": ""},
        {"jti": 7},
        {"jti": "a" * 257},
        {"perch_limits": 3},
        {"perch_limits": [["sessions", 1]]},
        {"perch_limits": {"session": 1}},
        {"perch_limits": {"sessions": 0}},
        {"perch_limits": {"sessions": 1_000_001}},
        {"perch_limits": {"sessions": True}},
        {"perch_limits": {"sessions": 1.0}},
        {"perch_limits": {"new_per_minute": "1"}},
        {"perch_limits": {"models": "parakeet"}},
        {"perch_limits": {"models": []}},
        {"perch_limits": {"models": [""]}},
        {"perch_limits": {"models": [7]}},
        {"perch_limits": {"models": ["a"] * 101}},
    ],
)
async def test_a_limit_that_is_not_understood_lets_nobody_in(changes: dict[str, object]) -> None:
    assert await refusal(token(claims(**changes))) is Refusal.CLAIMS


async def test_no_algorithm_but_the_configured_ones_counts() -> None:
    both = verifier(("ES256", "one"), ("RS256", "two"), algorithms=("ES256",))
    assert await refusal(token(algorithm="RS256", key="two"), both) is Refusal.ALGORITHM
    unsigned = f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims())}."
    assert await refusal(unsigned) is Refusal.ALGORITHM
    for name in ("None", "nOnE", "es256", "", None, ["ES256"], 7):
        shown = f"{part({'alg': name, 'kid': 'one'})}.{part(claims())}.AAAA"
        assert await refusal(shown) in {Refusal.ALGORITHM, Refusal.FORM}


async def test_a_public_key_is_no_shared_secret() -> None:
    """RFC 8725, 2.1: a token signed by HMAC with the bytes of the issuer's public key."""
    public = private_key("RS256", "one").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = jwt.api_jws.PyJWS()
    header = {"alg": "HS256", "kid": "one", "typ": "JWT"}
    signing = f"{part(header)}.{part(claims())}"
    made = forged.get_algorithm_by_name("HS256").sign(signing.encode(), pem)
    shown = f"{signing}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
    assert await refusal(shown, verifier(("RS256", "one"))) is Refusal.ALGORITHM


async def test_a_key_serves_its_own_algorithm_and_use_alone() -> None:
    jwk = public_jwk("RS256", "one")
    for change in (
        {"alg": "PS256"},
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kty": "EC"},
    ):
        document = json.dumps({"keys": [jwk | change, public_jwk("ES256", "two")]}).encode()
        by = verifier(document=document)
        assert await refusal(token(algorithm="RS256"), by) is Refusal.KEY


async def test_only_keys_of_the_issuer_count_whatever_a_header_offers() -> None:
    stranger = public_jwk("ES256", "stranger")
    for headers in (
        {"jwk": stranger, "kid": "one"},
        {"jku": "https://evil.example/keys", "kid": "one"},
        {"x5u": "https://evil.example/keys", "kid": "one"},
        {"x5c": ["AAAA"], "kid": "one"},
    ):
        shown = token(key="stranger", headers=headers)
        assert await refusal(shown) is Refusal.SIGNATURE
    for kid in ("stranger", "../one", "one\0", "ONE", "' OR 1=1"):
        assert await refusal(token(headers={"kid": kid})) is Refusal.KEY


async def test_a_token_that_names_no_key_is_checked_by_the_only_one_there_is() -> None:
    unnamed = jwt.encode(claims(), private_key("ES256", "one"), "ES256")
    await verifier().identify(unnamed)
    two = verifier(("ES256", "one"), ("ES256", "two"))
    assert await refusal(unnamed, two) is Refusal.KEY


@pytest.mark.parametrize(
    "headers",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"typ": []},
        {"typ": {"jwt": 1}},
    ],
)
async def test_what_a_header_wants_and_is_not_known_is_refused(headers: dict[str, Any]) -> None:
    # The library itself refuses to write some of them.
    header = {"alg": "ES256", "kid": "one", **headers}
    signing = f"{part(header)}.{part(claims())}"
    made = jwt.api_jws.PyJWS().get_algorithm_by_name("ES256")
    signature = made.sign(signing.encode(), private_key("ES256", "one"))
    shown = f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert await refusal(shown) is Refusal.FORM
    good = f"{part({'alg': 'ES256', 'kid': 'one', 'typ': 'AT+jwt'})}.{part(claims())}"
    signature = made.sign(good.encode(), private_key("ES256", "one"))
    await verifier().identify(f"{good}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


async def test_no_part_can_be_changed_left_out_or_added() -> None:
    header, payload, signature = token().split(".")
    other = part(claims(scope="stream file admin"))
    assert await refusal(f"{header}.{other}.{signature}") is Refusal.SIGNATURE
    assert await refusal(f"{header}.{payload}.") is Refusal.SIGNATURE
    for shown in (
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}",
        f" {header}.{payload}.{signature}",
        f"{header}.{payload}.{signature}\n",
        f"{header}=.{payload}.{signature}",
        f"{header}..{signature}",
        "",
    ):
        assert await refusal(shown) is Refusal.FORM
    assert await refusal(token(claims(more="x" * MAX_TOKEN_CHARS))) is Refusal.FORM


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), _ANY),
    payload=st.text(max_size=40),
    signature=st.text(max_size=20),
)
async def test_whatever_is_shown_is_refused_in_the_same_way(
    header: dict[str, object], payload: str, signature: str
) -> None:
    await refusal(f"{part(header)}.{payload}.{signature}")
    await refusal(f"{part({**header, 'alg': 'ES256', 'kid': 'one'})}.{part(payload)}.AAAA")


@settings(max_examples=100, deadline=None)
@given(
    changes=st.dictionaries(
        st.sampled_from(
            [
                "iss",
                "aud",
                "exp",
                "iat",
                "nbf",
                "scope",
                "scp",
                "client_id",
                "sub",
                "jti",
                "perch_limits",
            ]
        ),
        _ANY,
    )
)
async def test_whatever_the_issuer_signs_is_an_identity_or_a_refusal(
    changes: dict[str, object],
) -> None:
    signing = f"{part({'alg': 'ES256', 'kid': 'one'})}.{part({**claims(), **changes})}"
    made = jwt.api_jws.PyJWS().get_algorithm_by_name("ES256")
    signature = made.sign(signing.encode(), private_key("ES256", "one"))
    shown = f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    try:
        found = await verifier().identify(shown)
    except TokenRefusedError:
        return
    assert found.client.startswith(f"{NAME} ")


async def test_a_shared_secret_checks_tokens_where_it_alone_is_configured() -> None:
    secret = base64.urlsafe_b64encode(b"k" * 32).rstrip(b"=").decode()
    document = json.dumps({"keys": [{"kty": "oct", "k": secret, "kid": "one"}]}).encode()
    by = verifier(algorithms=("HS256",), document=document)
    await by.identify(jwt.encode(claims(), b"k" * 32, "HS256", {"kid": "one"}))
    assert await refusal(jwt.encode(claims(), b"l" * 32, "HS256", {"kid": "one"}), by) is (
        Refusal.SIGNATURE
    )
