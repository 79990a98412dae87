"""What this side proves itself with at recognisers, and whom it believes: files, which may change.

Shared by every connection to any recogniser. The files are read when they are first needed, and
again as they change where somebody runs `followed`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from app.asr.errors import tls_failed
from app.certificates import check_pair, facts_of_authorities, facts_of_chain
from app.followed_files import FollowedFiles
from app.settings.secrets import one_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.asr.settings import RivaSettings
    from app.certificates import CertificateFacts

TLS_FILES: Final = ("ssl_cert", "ssl_client_cert", "ssl_client_key")
CERTIFICATES: Final = {"ssl_cert": "riva_ca", "ssl_client_cert": "riva_client"}
"""Names of the certificates, by the setting of their file."""
_MOST_KEY_BYTES: Final = 64 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Contents of the three files; None for one that is not set."""

    roots: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None


class Credentials:
    """Certificates and key of the settings, as their files are now.

    Args:
        settings: with the files of every recogniser.

    Attributes:
        generation: counts the certificates there were; a connection of an older one takes no new
            calls.
        followed: read the files again once run.
        on_key: told each key that was read, so that it is masked in logs.
    """

    def __init__(self, settings: RivaSettings) -> None:
        self.generation = 0
        self.on_key: Callable[[str], None] = lambda _: None
        self._names = [name for name in TLS_FILES if getattr(settings, name) is not None]
        self._tls = TlsFiles()
        self._facts: Mapping[str, CertificateFacts] = {}
        self._key = settings.api_key.get_secret_value()
        self._reading = asyncio.Lock()
        followed: list[FollowedFiles[Any]] = []
        if self._names:
            paths = [getattr(settings, name) for name in self._names]
            followed.append(FollowedFiles("RIVA_SSL_CERT", paths, self._parse, self._take))
        if settings.api_key_file is not None:
            followed.append(
                FollowedFiles(
                    "RIVA_API_KEY_FILE",
                    [settings.api_key_file],
                    lambda contents: one_secret(contents[0]),
                    self._take_key,
                    most_bytes=_MOST_KEY_BYTES,
                )
            )
        self.followed: Final = tuple(followed)

    async def tls(self) -> TlsFiles:
        """Return the certificates.

        Raises:
            AsrError: TLS_FAILED: there never were any that could be used.
        """
        await self._read()
        return self._tls

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what each call has in its metadata.

        Raises:
            AsrError: TLS_FAILED: a file could not be used so far.
        """
        await self._read()
        return (("authorization", f"Bearer {self._key}"),) if self._key else ()

    def certificates(self) -> tuple[str, ...]:
        """Return the names of the certificates that are set, of `CERTIFICATES`."""
        return tuple(CERTIFICATES[name] for name in self._names if name in CERTIFICATES)

    def ends_at(self, certificate: str) -> float:
        """Return when a certificate ends, in seconds since 1970; NaN before it was read."""
        facts = self._facts.get(certificate)
        return float("nan") if facts is None else facts.ends_at

    async def _read(self) -> None:
        if all(files.has_value for files in self.followed):
            return
        async with self._reading:
            for files in self.followed:
                if not files.has_value:
                    await files.refresh()
                if not files.has_value:
                    raise tls_failed(f"read {files.name}: {files.problem}")

    def _parse(self, contents: Sequence[bytes]) -> tuple[TlsFiles, Mapping[str, CertificateFacts]]:
        files = dict(zip(self._names, contents, strict=True))
        roots, certificate, key = (files.get(name) for name in TLS_FILES)
        facts = {}
        if roots is not None:
            facts["riva_ca"] = facts_of_authorities(roots)
        if certificate is not None and key is not None:
            check_pair(certificate, key)
            facts["riva_client"] = facts_of_chain(certificate)
        return TlsFiles(roots, certificate, key), facts

    def _take(self, found: tuple[TlsFiles, Mapping[str, CertificateFacts]]) -> None:
        self._tls, self._facts = found
        self.generation += 1
        for name, facts in self._facts.items():
            _log.info(
                "asr_certificate_taken",
                name=name,
                fingerprint=facts.fingerprint,
                ends=facts.ends,
            )

    def _take_key(self, key: str) -> None:
        self.on_key(key)
        self._key = key
        _log.info("asr_key_taken")
