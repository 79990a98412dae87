"""Which API keys let their bearer in: the good one, and each of its nearest wrong neighbours."""

from datetime import UTC, datetime, timedelta

import pytest

from app.credentials.access_list import AccessList, Limits, RevokedClient, RevokedToken
from app.credentials.api_key import ApiKey
from app.gateway.identity.access_list import CurrentAccessList, KeyCounts
from app.gateway.identity.api_keys import LEEWAY_S, ApiKeys
from app.gateway.identity.identity import ClientLimits, Identity, Refusal, TokenRefusedError
from tests.support.keys import access_list, key_entry

NOW = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)
ISSUER = "https://issuer.example/"
KEY, OTHER = ApiKey.generate(), ApiKey.generate()


def listed(document: AccessList) -> CurrentAccessList:
    return CurrentAccessList(document, ISSUER, NOW.timestamp)


def keys(document: AccessList | None = None) -> ApiKeys:
    good = access_list(key_entry(KEY, NOW), key_entry(OTHER, NOW, owner="ben"))
    return ApiKeys(listed(good if document is None else document), NOW.timestamp)


async def refusal(shown: str, by: ApiKeys | None = None) -> tuple[Refusal, str | None]:
    with pytest.raises(TokenRefusedError) as refused:
        await (by or keys()).identify(shown)
    return refused.value.reason, refused.value.token_id


async def test_a_key_says_who_its_bearer_is_and_what_he_may() -> None:
    limits = Limits(sessions=2, new_per_minute=30, models=("parakeet", "nemotron"))
    found = await keys(access_list(key_entry(KEY, NOW, limits=limits))).identify(KEY.text)
    assert found == Identity(
        client="api-key ann",
        scopes=frozenset({"stream", "file"}),
        limits=ClientLimits(
            sessions=2, new_per_minute=30, models=frozenset({"parakeet", "nemotron"})
        ),
    )
    assert (found.key_id, found.token_id) == (KEY.key_id, None)
    assert (found.issued, found.expires) == (NOW.timestamp(), (NOW + DAY).timestamp())
    other = await keys().identify(OTHER.text)
    assert other is not None
    assert (other.client, other.limits) == ("api-key ben", ClientLimits())


@pytest.mark.parametrize(
    "shown",
    ["", "perch", "Perch_", KEY.text[1:], f" {KEY.text}", "eyJhbGciOi.eyJpc3Mi.AAAA"],
    ids=["nothing", "no_line", "capital", "beheaded", "space", "issuers"],
)
async def test_what_does_not_begin_as_keys_do_is_left_to_others(shown: str) -> None:
    assert await keys().identify(shown) is None


@pytest.mark.parametrize(
    ("shown", "reason", "told"),
    [
        ("perch_", Refusal.FORM, None),
        (KEY.text[:-1], Refusal.FORM, None),
        (f"{KEY.text}a", Refusal.FORM, None),
        (f"{KEY.text}\n", Refusal.FORM, None),
        (KEY.text * 100, Refusal.FORM, None),
        (f"perch_{KEY.key_id.upper()}{KEY.text[16:]}", Refusal.FORM, None),
        (f"perch_{KEY.key_id}{OTHER.text[16:]}", Refusal.CHECKSUM, None),
        (ApiKey.generate().text, Refusal.UNKNOWN, ...),
    ],
    ids=["prefix", "short", "long", "line", "many", "capitals", "mixed", "unknown"],
)
async def test_what_is_nearly_a_key_is_refused(shown: str, reason: Refusal, told: object) -> None:
    found, key_id = await refusal(shown)
    assert found is reason
    assert key_id == (shown[6:16] if told is ... else None)


async def test_the_id_of_a_key_with_a_secret_that_is_not_its_own_is_refused() -> None:
    """With a checksum that fits: whoever knows the form can make one up for an id from a log."""
    made_up = key_entry(OTHER, NOW, id=KEY.key_id)
    assert await refusal(KEY.text, keys(access_list(made_up))) == (Refusal.SECRET, KEY.key_id)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expires": NOW}, Refusal.EXPIRED),
        ({"expires": NOW + MOMENT}, None),
        ({"created": NOW + timedelta(seconds=LEEWAY_S) + MOMENT}, Refusal.EARLY),
        ({"created": NOW + timedelta(seconds=LEEWAY_S)}, None),
        ({"revoked": NOW}, Refusal.REVOKED),
        ({"revoked": NOW + DAY}, Refusal.REVOKED),
        ({"revoked": NOW, "expires": NOW - DAY}, Refusal.REVOKED),
        ({"replaced_by": OTHER.key_id}, None),
    ],
    ids=["ends", "ends_soon", "early", "clock", "revoked", "revoked_ahead", "both", "replaced"],
)
async def test_a_key_is_good_for_its_time_unless_it_is_revoked(
    changes: dict[str, object], reason: Refusal | None
) -> None:
    by = keys(access_list(key_entry(KEY, NOW, **changes)))
    if reason is None:
        assert await by.identify(KEY.text) is not None
        return
    assert await refusal(KEY.text, by) == (reason, KEY.key_id)
    # Who has no more than the id is not told, nor does a log say, how the key stands.
    wrong = keys(access_list(key_entry(KEY, NOW, sha256="0" * 64, **changes)))
    assert await refusal(KEY.text, wrong) == (Refusal.SECRET, KEY.key_id)


def test_who_made_a_key_may_be_half_a_minute_ahead() -> None:
    assert LEEWAY_S == 30


async def test_another_list_holds_at_once() -> None:
    current = listed(access_list(key_entry(KEY, NOW)))
    by = ApiKeys(current, NOW.timestamp)
    assert await by.identify(KEY.text) is not None
    current.replace(access_list(key_entry(OTHER, NOW)))
    assert await refusal(KEY.text, by) == (Refusal.UNKNOWN, KEY.key_id)
    assert await by.identify(OTHER.text) is not None


def identity(client: str = f"{ISSUER} app", **known: object) -> Identity:
    return Identity(client=client, scopes=frozenset(), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (identity(key_id=KEY.key_id), None),
        (identity(key_id=OTHER.key_id), Refusal.REVOKED),
        (identity(key_id="0123456789"), Refusal.UNKNOWN),
        (identity(token_id="one"), Refusal.REVOKED),
        (identity(token_id="One"), None),
        (identity(token_id=OTHER.key_id), None),
        (identity(key_id=KEY.key_id, token_id="one"), Refusal.REVOKED),
        (identity(f"{ISSUER} gone", issued=NOW.timestamp() - 1), Refusal.REVOKED),
        (identity(f"{ISSUER} gone", issued=NOW.timestamp()), Refusal.REVOKED),
        (identity(f"{ISSUER} gone", issued=NOW.timestamp() + 1), None),
        (identity(f"{ISSUER} gone"), Refusal.REVOKED),
        (identity(f"{ISSUER} is gone", issued=0), None),
        (identity(f"{ISSUER} Gone", issued=0), None),
        (identity("https://issuer.example gone", issued=0), None),
        (identity("api-key cyd", issued=0), Refusal.REVOKED),
        (identity("api-key cyd.", issued=0), None),
        (identity("static 0123"), Refusal.REVOKED),
    ],
    ids=lambda value: str(value) if value is None or isinstance(value, Refusal) else "shown",
)
def test_who_was_let_in_is_not_any_more_once_key_token_or_client_is_revoked(
    shown: Identity, reason: Refusal | None
) -> None:
    by = listed(
        access_list(
            key_entry(KEY, NOW, expires=NOW + MOMENT),
            key_entry(OTHER, NOW, revoked=NOW),
            tokens=(RevokedToken(jti="one", revoked=NOW, until=NOW + DAY),),
            clients=tuple(
                RevokedClient(client=name, before=NOW)
                for name in ("gone", "api-key cyd", "static 0123")
            ),
        )
    )
    assert by.refusal(shown) is reason


@pytest.mark.parametrize("later_first", [True, False])
def test_a_client_that_is_revoked_by_both_its_names_is_until_the_later_time(
    later_first: bool,
) -> None:
    both = (
        RevokedClient(client="gone", before=NOW),
        RevokedClient(client=f"{ISSUER} gone", before=NOW - DAY),
    )
    by = listed(access_list(clients=both if later_first else both[::-1]))
    for issued in (NOW - DAY, NOW):
        shown = identity(f"{ISSUER} gone", issued=issued.timestamp())
        assert by.refusal(shown) is Refusal.REVOKED


def test_that_a_key_has_ended_does_not_end_what_it_began() -> None:
    ended = listed(access_list(key_entry(KEY, NOW - DAY - DAY)))
    assert ended.refusal(identity(key_id=KEY.key_id)) is None


def test_the_end_that_counts_is_that_of_a_key_which_nobody_takes_the_place_of() -> None:
    made = [ApiKey.generate() for _ in range(5)]
    by = listed(
        access_list(
            key_entry(made[0], NOW, expires=NOW),
            key_entry(made[1], NOW, expires=NOW + MOMENT, revoked=NOW),
            key_entry(made[2], NOW, expires=NOW + DAY, replaced_by=made[3].key_id),
            key_entry(made[3], NOW, expires=NOW + 3 * DAY),
            key_entry(made[4], NOW, expires=NOW + 2 * DAY),
        )
    )
    assert by.counts() == KeyCounts(3, (NOW + 2 * DAY).timestamp())
    assert listed(AccessList.empty()).counts() == KeyCounts(0, 0.0)
