"""Which model a client means by a name: one that is served, or what a foreign name stands for."""

from dataclasses import replace

from app.asr import AsrError
from app.contract import ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.dialects.intents import SessionRequest
from app.gateway.identity.identity import ClientLimits
from app.gateway.model_choice import ModelNames


def with_served_model(
    gateway: Gateway, limits: ClientLimits, asked: SessionRequest
) -> SessionRequest:
    """Return what is asked for, with the model's name as the recogniser lists it.

    Raises:
        ContractError: `bad_request`: the language is none; `model_not_found`, `asr_unavailable`.
    """
    names = ModelNames(gateway.asr, gateway.settings, limits)
    try:
        return names.meant(replace(asked, is_model_foreign=True))[0]
    except AsrError as error:
        raise ContractError(ErrorCode.BAD_REQUEST, detail=error.message) from error
