"""Signed cursors: what is taken, what is refused, and in which words.

That HMAC-SHA-256 cannot be forged is taken from the library, not proved here.
"""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from app.asr import Cursor, LastWord
from app.contract import ContractError
from app.contract.limits import MAX_RESUME_TOKEN_CHARS
from app.gateway.identity.identity import ClientLimits, Identity, TokenRefusedError
from app.gateway.resume_token import ResumeBearers, ResumeClaim, ResumeTokens, owner_fields

KEY = "first key of thirty-two characters"
OTHER = "second key of thirty-two character"
SESSION = "6e0c9f0b-6e2b-4c51-a3d0-7f2f0e8ecb35"
CURSOR = Cursor(position=12.5, covered=12.31, segment_id=4)

seconds = st.floats(min_value=0, max_value=86_400, allow_nan=False)


class Time:
    """A wall clock that tests move."""

    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def why_rejected(tokens: ResumeTokens, token: str) -> str:
    with pytest.raises(ContractError) as refused:
        tokens.read(token)
    assert refused.value.code == "resume_rejected"
    assert refused.value.retryable is False
    return refused.value.sentence


@given(position=seconds, covered=seconds, segment_id=st.integers(0, 10**9))
def test_a_token_says_to_another_gateway_what_it_was_issued_for(
    position: float, covered: float, segment_id: int
) -> None:
    cursor = Cursor(position=position, covered=covered, segment_id=segment_id)
    point = ResumeTokens([KEY], 120).point(cursor, SESSION)
    claim = ResumeTokens([KEY], 120).read(point.token)
    assert claim.session_id == SESSION
    assert claim.cursor.segment_id == segment_id
    assert claim.cursor.covered == pytest.approx(covered, abs=1e-6)
    # The client cuts its audio where the gateway goes on, to the last digit.
    assert claim.cursor.position == point.position == pytest.approx(position, abs=1e-6)
    assert len(point.token) <= MAX_RESUME_TOKEN_CHARS


def test_a_token_says_with_which_recognisers_a_session_is_but_for_the_default_ones() -> None:
    tokens = ResumeTokens([KEY], 120)
    point = tokens.point(CURSOR, SESSION, group="a" * 32)
    assert tokens.read(point.token).group == "a" * 32
    assert len(point.token) <= MAX_RESUME_TOKEN_CHARS
    usual = tokens.point(CURSOR, SESSION, group="default").token
    assert tokens.read(usual).group == "default"
    # As a gateway issued it that knows no groups, and reads it.
    assert "grp" not in URLSafeSerializer(KEY).load_payload(usual.rpartition(".")[0].encode())
    assert tokens.read(tokens.offer().token).group is None


@given(letters=st.text(min_size=1, max_size=40), start=seconds)
def test_a_token_has_the_word_in_it_that_is_heard_again(letters: str, start: float) -> None:
    again = LastWord(letters=letters, start=round(start, 6))
    token = ResumeTokens([KEY], 120).point(replace(CURSOR, again=again), SESSION).token
    assert ResumeTokens([KEY], 120).read(token).cursor == replace(CURSOR, again=again)
    assert len(token) <= MAX_RESUME_TOKEN_CHARS


def test_a_token_where_no_word_is_heard_again_has_none_in_it() -> None:
    token = ResumeTokens([KEY], 120).point(CURSOR, SESSION).token
    assert set(URLSafeSerializer(KEY).loads_unsafe(token)[1]) == {
        "v",
        "at",
        "sid",
        "pos",
        "cov",
        "seg",
        "by",
    }


def test_the_token_of_a_hello_is_the_beginning_of_no_session() -> None:
    tokens = ResumeTokens([KEY], 90)
    offer = tokens.offer()
    claim = tokens.read(offer.token)
    assert (claim.cursor, claim.session_id) == (
        Cursor(position=0.0, covered=0.0, segment_id=0),
        None,
    )
    assert (offer.window_s, offer.heartbeat_s) == (90, 5)


def test_the_first_key_signs_and_every_key_is_taken_so_that_keys_can_be_changed() -> None:
    old, new = ResumeTokens([KEY], 120), ResumeTokens([OTHER, KEY], 120)
    assert new.read(old.point(CURSOR, SESSION).token).session_id == SESSION
    assert ResumeTokens([OTHER], 120).read(new.point(CURSOR, SESSION).token).session_id == SESSION
    assert "not issued" in why_rejected(old, new.point(CURSOR, SESSION).token)


def test_without_a_key_only_the_same_process_takes_its_tokens() -> None:
    one, another = ResumeTokens([], 120), ResumeTokens([], 120)
    token = one.point(CURSOR, SESSION).token
    assert one.read(token).session_id == SESSION
    assert "not issued" in why_rejected(another, token)


def test_a_token_is_good_for_its_window_and_not_longer() -> None:
    time = Time()
    tokens = ResumeTokens([KEY], 120, time)
    token = tokens.point(CURSOR, SESSION).token
    time.now += 120
    assert tokens.read(token).cursor == CURSOR
    time.now += 1
    assert "121 s old; accepted: at most 120 s" in why_rejected(tokens, token)


def test_clocks_of_gateways_may_differ_by_as_much_as_the_window() -> None:
    ahead, behind = Time(), Time()
    ahead.now += 119
    token = ResumeTokens([KEY], 120, ahead).point(CURSOR, SESSION).token
    assert ResumeTokens([KEY], 120, behind).read(token).cursor == CURSOR
    ahead.now += 10
    token = ResumeTokens([KEY], 120, ahead).point(CURSOR, SESSION).token
    assert "clocks differ" in why_rejected(ResumeTokens([KEY], 120, behind), token)


def test_a_token_of_another_version_is_refused_as_such() -> None:
    signer = URLSafeSerializer(
        [KEY],
        salt=b"perch resume",
        signer_kwargs=ResumeTokens([KEY], 120)._serializer.signer_kwargs,
    )
    for content in ({"v": 2, "pos": 1.0}, {"v": 1, "pos": "here"}, [1, 2, 3]):
        token = signer.dumps(content)
        assert "another version" in why_rejected(ResumeTokens([KEY], 120), token)


@given(st.text(max_size=200))
@example("")
@example("....")
def test_whatever_is_no_token_is_refused_and_not_repeated(text: str) -> None:
    sentence = why_rejected(ResumeTokens([KEY], 120), text)
    assert "not issued" in sentence
    assert len(text) < 8 or text not in sentence


@given(at=st.integers(0, 150), text=st.text(max_size=20), cut=st.integers(0, 20))
def test_a_damaged_token_is_refused_or_says_the_same(at: int, text: str, cut: int) -> None:
    # The encoding passes over what is not in its alphabet, so a few damages change nothing.
    tokens = ResumeTokens([KEY], 120)
    good = tokens.point(CURSOR, SESSION).token
    try:
        claim = tokens.read(good[:at] + text + good[at + cut :])
    except ContractError as refused:
        said: object = refused.code
    else:
        said = claim
    assert said in ("resume_rejected", ResumeClaim(CURSOR, SESSION, group="default"))


def test_a_position_cannot_be_changed_without_the_key() -> None:
    tokens = ResumeTokens([KEY], 120)
    content, _, signature = tokens.point(CURSOR, SESSION).token.rpartition(".")
    forged = base64.urlsafe_b64encode(json.dumps({"v": 1, "pos": 0.0}).encode()).decode()
    assert content
    assert "not issued" in why_rejected(tokens, f"{forged.rstrip('=')}.{signature}")


OWNER = Identity(
    client="api-key ann",
    scopes=frozenset({"stream"}),
    limits=ClientLimits(sessions=2, new_per_minute=9, models=frozenset({"one", "two"})),
    token_id="jti",
    key_id="0123456789",
    issued=1.0,
    expires=Time.now + 3600,
    origin="https://app.example.org",
    stands_in=True,
)


def of_ann(clock: Time, until: float | None = None, owner: Identity = OWNER) -> str:
    fields = owner_fields(owner, "one", until)
    return ResumeTokens([KEY], 120, clock).point(CURSOR, SESSION, owner=fields).token


async def test_the_token_of_a_single_use_tokens_session_lets_its_owner_go_on_with_it_alone() -> (
    None
):
    clock = Time()
    bearers = ResumeBearers(ResumeTokens([KEY], 120, clock), clock)
    found = await bearers.identify(of_ann(clock, until=clock.now + 90))
    assert found is not None
    assert (found.client, found.resumes, found.stands_in) == ("api-key ann", SESSION, True)
    assert (found.token_id, found.key_id, found.issued) == ("jti", "0123456789", 1.0)
    assert (found.origin, found.scopes) == (OWNER.origin, frozenset({"stream"}))
    # The model is the session's: another would not be the same session.
    assert found.limits == ClientLimits(sessions=2, models=frozenset({"one"}), session_s=90)
    unlimited = await bearers.identify(of_ann(clock, owner=replace(OWNER, limits=ClientLimits())))
    assert unlimited is not None
    assert unlimited.limits == ClientLimits()


async def test_it_opens_nothing_once_it_or_the_session_or_the_credential_has_ended() -> None:
    clock = Time()
    bearers = ResumeBearers(ResumeTokens([KEY], 120, clock), clock)
    tokens = {
        120.0: of_ann(clock),
        30.0: of_ann(clock, until=clock.now + 30),
        20.0: of_ann(clock, owner=replace(OWNER, expires=clock.now + 20)),
    }
    begun = clock.now
    for lasts, token in tokens.items():
        clock.now = begun + lasts - 0.5
        assert await bearers.identify(token) is not None
        clock.now = begun + lasts + 0.5
        with pytest.raises(TokenRefusedError, match="expired"):
            await bearers.identify(token)


async def test_a_token_that_says_nothing_of_an_owner_opens_nothing() -> None:
    clock = Time()
    tokens = ResumeTokens([KEY], 120, clock)
    bearers = ResumeBearers(tokens, clock)
    for token in (tokens.offer(as_bearer=True).token, tokens.point(CURSOR, SESSION).token):
        with pytest.raises(TokenRefusedError, match="claims"):
            await bearers.identify(token)
    other = ResumeTokens([OTHER], 120, clock).point(CURSOR, SESSION).token
    for text in ("", "a.b", "a.b.c", other, "é", of_ann(clock)[:-2], "x" * 5000):
        assert await bearers.identify(text) is None


def test_an_owner_stands_in_a_token_only_where_it_has_to_and_there_is_room() -> None:
    assert owner_fields(replace(OWNER, stands_in=False), "one", None) is None
    assert owner_fields(replace(OWNER, client="c" * 500), "one", None) is None
    # Of letters that JSON writes with twelve characters each, and zlib makes no shorter.
    name = "".join(chr(0x1F300 + number * 7 % 700) for number in range(36))
    assert owner_fields(replace(OWNER, client=name + "!" * 17), "one", None) is None
    longest = owner_fields(replace(OWNER, client=name), "m" * 128, Time.now)
    assert longest is not None
    again = LastWord(letters="\U0001f601" * 40, start=1.123456)
    point = ResumeTokens([KEY], 120).point(
        replace(CURSOR, again=again), SESSION, "m" * 16, "g" * 32, longest
    )
    assert len(point.token) <= MAX_RESUME_TOKEN_CHARS
