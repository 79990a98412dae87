"""Which model a client means by a name: one that is served, or what a foreign name stands for."""

from dataclasses import replace

from app.asr import AsrError, SessionOptions
from app.contract import ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.dialects.intents import SessionRequest
from app.gateway.model_choice import ModelNames


def with_served_model(gateway: Gateway, asked: SessionRequest) -> SessionRequest:
    """Return what is asked for, with the model's name as the recogniser lists it.

    Raises:
        ContractError: `bad_request`: the language is none; `model_not_found`, `asr_unavailable`.
    """
    if asked.model is None:
        return asked
    asr = gateway.asr
    try:
        group = asr.group_of(SessionOptions(language=asked.language))
    except AsrError as error:
        raise ContractError(ErrorCode.BAD_REQUEST, detail=error.message) from error
    groups = asr.groups if asked.language is None else (group,)
    chosen = ModelNames(asr, gateway.settings).choose(asked.model, groups)
    return replace(asked, model=chosen.model)
