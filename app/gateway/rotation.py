"""Tokens and keys that are rotated while the gateway runs: which files are followed, and for whom.

Each file has all that are accepted, so what is new is added before what is old is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.credentials.access_list import MAX_BYTES, AccessList
from app.followed_files import FollowedFiles
from app.gateway.authentication import Authentication
from app.gateway.identity.access_list import CurrentAccessList
from app.gateway.identity.keys import Keys, KeySet, KeysUnavailableError
from app.gateway.identity.single_use import SingleUseTokens
from app.gateway.identity.static_tokens import StaticTokens
from app.gateway.resume_token import ResumeTokens
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.logs import get_logger, mask

_log = get_logger(__name__)


def followed_secrets(
    settings: GatewaySettings,
    authentication: Authentication,
    resume: ResumeTokens,
    end_revoked: Callable[[], None],
) -> Iterator[FollowedFiles[Any]]:
    """Yield what follows each file of tokens or keys that is configured.

    Args:
        settings: Name the files.
        authentication: Goes by all of them but the resume keys.
        resume: Signs with those.
        end_revoked: Called after each change of the access list; it must not wait.
    """
    if settings.app_auth_tokens_file is not None and authentication.static is not None:
        yield _of_tokens(settings, settings.app_auth_tokens_file, authentication.static)
    if settings.app_resume_keys_file is not None:
        yield _of_resume_keys(
            settings, settings.app_resume_keys_file, (resume, authentication.single_use)
        )
    if settings.app_jwt_keys_file is not None and authentication.keys is not None:
        yield _of_issuer(settings, settings.app_jwt_keys_file, authentication.keys)
    if settings.app_access_list_file is not None and authentication.listed is not None:
        yield followed_access_list(
            settings.app_access_list_file, authentication.listed, end_revoked
        )


def followed_access_list(
    file: Path, current: CurrentAccessList, act: Callable[[], None]
) -> FollowedFiles[AccessList]:
    """Return what follows the access list.

    Args:
        file: The list.
        current: The list that holds.
        act: Called after each change; it must not wait.
    """

    def take(document: AccessList) -> None:
        current.replace(document)
        _log.info("access list read", keys=len(document.keys), good=current.counts().good)
        act()

    return FollowedFiles(
        "APP_ACCESS_LIST_FILE",
        [file],
        lambda one: AccessList.parse(one[0]),
        take,
        most_bytes=MAX_BYTES,
    )


def _of_tokens(
    settings: GatewaySettings, file: Path, static: StaticTokens
) -> FollowedFiles[tuple[str, ...]]:
    def take(tokens: tuple[str, ...]) -> None:
        mask(tokens)
        static.replace(tokens)
        _log.info("client tokens taken", count=len(tokens))

    return FollowedFiles(
        "APP_AUTH_TOKENS_FILE", [file], lambda one: settings.auth_tokens_with(one[0]), take
    )


def _of_resume_keys(
    settings: GatewaySettings, file: Path, signers: Sequence[ResumeTokens | SingleUseTokens]
) -> FollowedFiles[tuple[str, ...]]:
    def take(keys: tuple[str, ...]) -> None:
        mask(keys)
        for signer in signers:
            signer.replace_keys(keys)
        _log.info("resume keys taken", count=len(keys))

    return FollowedFiles(
        "APP_RESUME_KEYS_FILE", [file], lambda one: settings.resume_keys_with(one[0]), take
    )


def _of_issuer(settings: GatewaySettings, file: Path, keys: Keys) -> FollowedFiles[KeySet]:
    def parse(contents: Sequence[bytes]) -> KeySet:
        try:
            return KeySet(contents[0], settings.app_jwt_algorithms)
        except KeysUnavailableError as error:
            raise ValueError(str(error)) from None

    def take(found: KeySet) -> None:
        keys.take(found)
        _log.info("issuer's keys taken")

    return FollowedFiles("APP_JWT_KEYS_FILE", [file], parse, take)
