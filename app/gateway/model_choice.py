"""Which model a client means: one that is served, or what a foreign name stands for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from app.asr import DEFAULT_GROUP, RivaASRClient, SessionOptions
from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.admission.access import check_model
from app.gateway.dialects.intents import SessionRequest
from app.gateway.dialects.upload import ServedModel
from app.gateway.identity.identity import ClientLimits
from app.gateway.settings.dialects import DialectSettings

_MOST_NAMED: Final = 20
"""Models in a sentence."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What to ask for.

    Attributes:
        model: As the recogniser lists it; None for the configured one.
        group: Whose recognisers have it; None where the language says so.
    """

    model: str | None
    group: str | None


class ModelNames:
    """Reads names of models as clients write them; makes no call.

    Args:
        asr: The recognisers.
        settings: What foreign names stand for.
        limits: Of the client that asks: it is told of no model that it may not ask for.
    """

    def __init__(self, asr: RivaASRClient, settings: DialectSettings, limits: ClientLimits) -> None:
        self._asr = asr
        self._settings = settings
        self._limits = limits

    def served(self) -> tuple[ServedModel, ...]:
        """Return the models of all groups that the client may ask for, each name once.

        Raises:
            ContractError: `asr_unavailable`: no recogniser has said yet what it has.
        """
        found: dict[str, ServedModel] = {}
        for group in self._asr.groups:
            for one in self._asr.known_models(group):
                languages = one.languages
                if one.name in found:
                    languages = (*found[one.name].languages, *languages)
                found[one.name] = ServedModel(
                    name=one.name,
                    languages=tuple(dict.fromkeys(languages)),
                    is_streaming=one.streaming,
                )
        if not found:
            raise ContractError(ErrorCode.ASR_UNAVAILABLE)
        allowed = self._limits.models
        return tuple(one for one in found.values() if allowed is None or one.name in allowed)

    def one(self, name: str) -> ServedModel:
        """Return the model that a name stands for.

        Which one the recogniser takes for the default it does not say: that has the name by which
        it was asked for.

        Raises:
            ContractError: `model_not_found`, `model_not_allowed`, `asr_unavailable`.
        """
        served = self.served()
        chosen = self.choose(name, self._asr.groups).model
        check_model(self._limits, chosen or self._asr.model_of(SessionOptions()))
        default = ServedModel(
            name=name, languages=self._asr.languages(DEFAULT_GROUP), is_streaming=None
        )
        return next((one for one in served if one.name == chosen), default)

    def choose(self, name: str, groups: Iterable[str]) -> ModelChoice:
        """Return what a name stands for.

        A model that is served goes before a foreign name, the groups in their order.

        Args:
            name: As the client wrote it.
            groups: Those whose models can be meant.

        Raises:
            ContractError: `model_not_found`, naming what is served; `asr_unavailable`.
        """
        among = tuple(groups)
        found = self._listed(name, among)
        foreign = None if found else self._settings.model_for(name)
        if foreign:
            found = self._listed(foreign, among)
        elif foreign is not None:
            return ModelChoice(None, None)
        if found is None:
            raise self._unknown(name)
        return found

    def meant(self, request: SessionRequest) -> tuple[SessionRequest, str | None]:
        """Return a session with the recogniser's name of its model, and whose recognisers have it.

        Raises:
            ContractError: As `choose`.
            AsrError: The language is none.
        """
        if request.model is None or not request.is_model_foreign:
            return request, None
        groups = self._asr.groups
        if request.language is not None:
            groups = (self._asr.group_of(SessionOptions(language=request.language)),)
        chosen = self.choose(request.model, groups)
        return replace(request, model=chosen.model), chosen.group

    def _listed(self, name: str, groups: Iterable[str]) -> ModelChoice | None:
        for group in groups:
            found = self._asr.model_names(name, group)
            if len(found) == 1:
                return ModelChoice(found[0], group)
        return None

    def _unknown(self, name: str) -> ContractError:
        names = sorted(one.name for one in self.served())
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return ContractError(
            ErrorCode.MODEL_NOT_FOUND,
            model=name[:MAX_ECHO_CHARS],
            accepted=", ".join(names[:_MOST_NAMED]) + more or "none of those that are served",
        )
