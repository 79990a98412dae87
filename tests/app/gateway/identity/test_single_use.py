"""Which single-use tokens let their bearer in: the good one, once, and none of its neighbours.

Two objects with the same keys stand for two gateways. That HMAC-SHA-256 cannot be forged is taken
from the library, not proved here.
"""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from app.asr import BEGINNING
from app.contract.limits import MAX_TOKEN_TTL_S
from app.gateway.identity.identity import ClientLimits, Identity, Refusal, TokenRefusedError
from app.gateway.identity.keys import KeysUnavailableError
from app.gateway.identity.single_use import LEEWAY_S, MAX_CHARS, PREFIX, Grant, SingleUseTokens
from app.gateway.resume_token import ResumeTokens

KEY = "first key of thirty-two characters"
OTHER = "second key of thirty-two character"
OWNER = Identity(
    client="https://issuer.example/ app",
    scopes=frozenset({"stream", "file", "admin"}),
    limits=ClientLimits(sessions=3, new_per_minute=7, models=frozenset({"parakeet", "canary"})),
    token_id="jti-1",
    key_id="0123456789",
    issued=1_789_999_000.0,
    expires=1_790_003_600.0,
)
STREAM = Grant(scopes=frozenset({"stream"}), ttl_s=60)


class Time:
    """A wall clock that tests move."""

    now = 1_790_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


def gateway(
    clock: Time,
    keys: Sequence[str] = (KEY,),
    max_used: int = 100,
) -> SingleUseTokens:
    return SingleUseTokens(keys, clock, max_used)


async def why_refused(tokens: SingleUseTokens, token: str) -> Refusal:
    with pytest.raises(TokenRefusedError) as refused:
        await tokens.identify(token)
    return refused.value.reason


async def test_a_token_made_at_one_gateway_says_at_another_who_its_owner_is_and_what_it_may(
    clock: Time,
) -> None:
    grant = Grant(
        scopes=frozenset({"stream"}), ttl_s=60, max_session_s=90, origin="https://app.example.org"
    )
    made = gateway(clock).mint(OWNER, grant)
    assert made.expires == pytest.approx(clock.now + 60, abs=0.001)
    found = await gateway(clock).identify(made.token)
    assert found is not None
    assert (found.client, found.scopes) == (OWNER.client, frozenset({"stream"}))
    assert found.limits == ClientLimits(
        sessions=3, new_per_minute=7, models=OWNER.limits.models, session_s=90
    )
    # What revokes the owner's credential, and ends it, does so with what stands for it.
    assert (found.token_id, found.key_id) == (OWNER.token_id, OWNER.key_id)
    assert found.issued == OWNER.issued
    assert found.expires == OWNER.expires
    assert (found.origin, found.stands_in) == ("https://app.example.org", True)


async def test_it_lets_in_once_at_each_gateway(clock: Time) -> None:
    one, two = gateway(clock), gateway(clock)
    token = one.mint(OWNER, STREAM).token
    assert await one.identify(token) is not None
    assert await why_refused(one, token) is Refusal.USED
    # What is not prevented: the other gateway has not seen it.
    assert await two.identify(token) is not None
    assert await why_refused(two, token) is Refusal.USED


async def test_it_is_good_to_its_end_and_not_a_moment_longer(clock: Time) -> None:
    early, late = (gateway(clock).mint(OWNER, STREAM) for _ in range(2))
    tokens = gateway(clock)
    clock.now = early.expires - 0.001
    assert await tokens.identify(early.token) is not None
    clock.now = late.expires
    assert await why_refused(tokens, late.token) is Refusal.EXPIRED
    assert await why_refused(tokens, early.token) is Refusal.EXPIRED


async def test_it_never_outlives_the_credential_nor_what_the_contract_has_as_the_most(
    clock: Time,
) -> None:
    tokens = gateway(clock)
    assert OWNER.expires is not None
    clock.now = OWNER.expires - 5
    assert tokens.mint(OWNER, STREAM).ttl_s == pytest.approx(5, abs=0.001)
    endless = Identity(client="static 1", scopes=OWNER.scopes)
    long = tokens.mint(endless, Grant(scopes=frozenset({"stream"}), ttl_s=86_400))
    assert long.ttl_s == pytest.approx(MAX_TOKEN_TTL_S, abs=0.001)
    assert await tokens.identify(long.token) is not None


async def test_a_clock_ahead_is_forgiven_a_little(clock: Time) -> None:
    ahead = Time()
    ahead.now = clock.now + LEEWAY_S
    assert await gateway(clock).identify(gateway(ahead).mint(OWNER, STREAM).token) is not None
    ahead.now += 1
    made = gateway(ahead).mint(OWNER, STREAM).token
    assert await why_refused(gateway(clock), made) is Refusal.EARLY


async def test_a_key_is_rotated_with_overlap(clock: Time) -> None:
    old = gateway(clock, [KEY]).mint(OWNER, STREAM).token
    new = gateway(clock, [OTHER, KEY]).mint(OWNER, STREAM).token
    for token in (old, new):
        assert await gateway(clock, [KEY, OTHER]).identify(token) is not None
    assert await why_refused(gateway(clock, [OTHER]), old) is Refusal.SIGNATURE
    assert await why_refused(gateway(clock, [KEY]), new) is Refusal.SIGNATURE


async def test_without_a_key_no_other_gateway_takes_it(clock: Time) -> None:
    token = gateway(clock, []).mint(OWNER, STREAM).token
    assert await why_refused(gateway(clock, []), token) is Refusal.SIGNATURE


async def test_neither_kind_of_token_stands_for_the_other(clock: Time) -> None:
    resume = ResumeTokens([KEY], 120, clock)
    token = resume.point(BEGINNING, "a-session").token
    assert await gateway(clock).identify(token) is None
    assert await why_refused(gateway(clock), PREFIX + token) is Refusal.SIGNATURE
    single = gateway(clock).mint(OWNER, STREAM).token
    for shown in (single, single.removeprefix(PREFIX)):
        with pytest.raises(Exception, match="not issued by a gateway"):
            resume.read(shown)


@given(place=st.integers(0, 10_000), letter=st.sampled_from("AZaz09-_.~"))
async def test_no_letter_of_it_can_be_another(place: int, letter: str) -> None:
    clock = Time()
    token = gateway(clock).mint(OWNER, STREAM).token
    place = len(PREFIX) + place % (len(token) - len(PREFIX))
    changed = token[:place] + letter + token[place + 1 :]
    # Of the last letter of a signature two bits mean nothing.
    if changed == token or place == len(token) - 1:
        return
    assert await why_refused(gateway(clock), changed) is Refusal.SIGNATURE


@given(text=st.text(max_size=300))
async def test_any_text_is_refused_or_another_authenticators(text: str) -> None:
    assert await gateway(Time()).identify(f"x{text}") is None
    assert await why_refused(gateway(Time()), PREFIX + text) is Refusal.SIGNATURE


async def test_one_that_is_too_long_is_not_even_looked_at(clock: Time) -> None:
    assert await why_refused(gateway(clock), PREFIX + "a" * MAX_CHARS) is Refusal.FORM
    many = ClientLimits(models=frozenset(hashlib.sha512(bytes([n])).hexdigest() for n in range(99)))
    asking = Identity(client="static 1", scopes=OWNER.scopes, limits=many)
    with pytest.raises(ValueError, match=f"at most {MAX_CHARS} can be sent"):
        gateway(clock).mint(asking, STREAM)


def signed(**fields: object) -> str:
    """What a gateway of another version might have made, with the right keys."""
    content = {
        "v": 1,
        "nonce": "n",
        "by": "app",
        "sc": ["stream"],
        "iat": Time.now,
        "exp": Time.now + 60,
        **fields,
    }
    serializer = URLSafeSerializer(
        KEY,
        salt=b"perch single-use token",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
    return PREFIX + serializer.dumps({k: v for k, v in content.items() if v is not None})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"v": 2}, Refusal.CLAIMS),
        ({"v": None}, Refusal.CLAIMS),
        ({"nonce": ""}, Refusal.CLAIMS),
        ({"nonce": "n" * 65}, Refusal.CLAIMS),
        ({"by": ""}, Refusal.CLAIMS),
        ({"by": 7}, Refusal.CLAIMS),
        ({"sc": []}, Refusal.CLAIMS),
        ({"sc": "stream"}, Refusal.CLAIMS),
        ({"exp": str(Time.now + 60)}, Refusal.CLAIMS),
        ({"exp": float("nan")}, Refusal.CLAIMS),
        ({"exp": float("inf")}, Refusal.CLAIMS),
        ({"exp": None}, Refusal.CLAIMS),
        ({"iat": None}, Refusal.CLAIMS),
        ({"ses": 0}, Refusal.CLAIMS),
        ({"ses": -1}, Refusal.CLAIMS),
        ({"ses": True}, Refusal.CLAIMS),
        ({"max": 0}, Refusal.CLAIMS),
        ({"more": 1}, Refusal.CLAIMS),
        ({"exp": Time.now + MAX_TOKEN_TTL_S + 1}, Refusal.LIFETIME),
        ({"exp": Time.now}, Refusal.EXPIRED),
    ],
)
async def test_what_another_version_signed_is_taken_only_where_it_is_understood(
    clock: Time, fields: dict[str, object], reason: Refusal
) -> None:
    assert await gateway(clock).identify(signed()) is not None
    assert await why_refused(gateway(clock), signed(**fields)) is reason


async def test_used_ones_are_forgotten_at_their_end_and_no_more_are_kept_than_was_said(
    clock: Time,
) -> None:
    tokens = gateway(clock, max_used=2)
    short = Grant(scopes=frozenset({"stream"}), ttl_s=10)
    for _ in range(2):
        assert await tokens.identify(tokens.mint(OWNER, short).token) is not None
    third = tokens.mint(OWNER, STREAM).token
    with pytest.raises(KeysUnavailableError, match="2 single-use tokens are remembered"):
        await tokens.identify(third)
    clock.now += 11
    assert await tokens.identify(third) is not None
    assert await why_refused(tokens, third) is Refusal.USED
