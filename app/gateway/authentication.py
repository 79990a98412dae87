"""Who can say whose a token is, as the gateway is configured."""

from dataclasses import dataclass

from app.gateway.identity.access_list import CurrentAccessList
from app.gateway.identity.api_keys import ApiKeys
from app.gateway.identity.identity import Authenticator, Identity, Refusal, TokenRefusedError
from app.gateway.identity.keys import Keys, KeySource
from app.gateway.identity.single_use import SingleUseTokens
from app.gateway.identity.sources import KeyAddress, KeyFile
from app.gateway.identity.static_tokens import StaticTokens
from app.gateway.identity.verifier import TokenRules, TokenVerifier
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.metrics import GatewayMetrics

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The authenticators of one gateway.

    Attributes:
        static: Bearer tokens of a list; None where there are none.
        listed: API keys, and what was revoked; None where there is no access list.
        api_keys: Of that list; likewise.
        verifier: Of an issuer's tokens; None where there is no issuer.
        single_use: Makes the tokens that browsers show, and knows them again.
    """

    static: StaticTokens | None
    listed: CurrentAccessList | None
    api_keys: ApiKeys | None
    verifier: TokenVerifier | None
    single_use: SingleUseTokens

    @classmethod
    def build(cls, settings: GatewaySettings) -> "Authentication":
        """Build what the settings ask for; no I/O but reading the files of tokens and keys."""
        tokens, document = settings.auth_tokens(), settings.access_list()
        issuer = settings.app_jwt_issuer or ""
        listed = None if document is None else CurrentAccessList(document, issuer)
        return cls(
            static=StaticTokens(tokens) if tokens else None,
            listed=listed,
            api_keys=None if listed is None else ApiKeys(listed),
            verifier=_verifier(settings),
            single_use=SingleUseTokens(settings.resume_keys()),
        )

    @property
    def authenticators(self) -> tuple[Authenticator, ...]:
        """Return those of kept credentials in the order in which they are asked.

        The issuer's comes last: it takes every token for one of its own.
        """
        found: tuple[Authenticator | None, ...] = (self.static, self.api_keys, self.verifier)
        return tuple(one for one in found if one is not None)

    def refusal(self, identity: Identity) -> Refusal | None:
        """Return why somebody is not let in any more; None where nothing was revoked."""
        return None if self.listed is None else self.listed.refusal(identity)

    @property
    def keys(self) -> Keys | None:
        """The issuer's keys; None where there is no issuer."""
        return None if self.verifier is None else self.verifier.keys


def count_refusal(metrics: GatewayMetrics, error: TokenRefusedError) -> None:
    """Count a token that was refused, and log why."""
    metrics.credentials.refused.labels(error.reason.value).inc()
    _log.info("token refused", reason=error.reason.value, id=error.token_id)


def _verifier(settings: GatewaySettings) -> TokenVerifier | None:
    url, file = settings.app_jwt_keys_url, settings.app_jwt_keys_file
    source: KeySource
    if url is not None:
        source = KeyAddress(url)
    elif file is not None:
        source = KeyFile(file)
    else:
        return None
    rules = TokenRules(
        issuer=settings.app_jwt_issuer or "",
        audience=settings.app_jwt_audience or "",
        algorithms=settings.app_jwt_algorithms,
        leeway_s=settings.app_jwt_leeway_s,
        max_lifetime_s=settings.app_jwt_max_lifetime_s,
        scope_prefix=settings.app_jwt_scope_prefix,
    )
    return TokenVerifier(rules, Keys(source, rules.algorithms, settings.app_jwt_refresh_s))
