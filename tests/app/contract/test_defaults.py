"""What stands in a message of which a program left something out: pydantic does not look at it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from app.contract import dialect_a, dialect_b, tokens

MODELS = sorted(
    {
        model
        for module in (dialect_a, dialect_b, tokens)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
    },
    key=lambda model: (model.__module__, model.__name__),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_what_a_field_has_by_default_is_what_it_accepts(model: type[BaseModel]) -> None:
    class Strict(model):  # type: ignore[valid-type,misc]  # any of them
        model_config = ConfigDict(validate_default=True)

    try:
        Strict.model_validate({})
    except ValidationError as error:
        refused = [one for one in error.errors() if one["type"] != "missing"]
        assert refused == []
