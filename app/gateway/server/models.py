"""Which models are served, in the words of each dialect that can ask."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from app.contract import ContractError
from app.gateway.dialects.upload import HttpAnswer, UploadCodec
from app.gateway.identity.identity import Scope
from app.gateway.model_choice import ModelNames
from app.gateway.server.pages import gateway_of
from app.gateway.server.replies import WrongMethodError, dialect_response


class ListModels:
    """Answers what is served, or one of it by its name, in one dialect.

    Args:
        dialect: Whose clients ask.
    """

    def __init__(self, dialect: type[UploadCodec]) -> None:
        self._dialect = dialect

    async def all(self, request: Request) -> Response:
        """Answer with all of them."""
        return await self._answered(request, lambda names: self._dialect.models(names.served()))

    async def one(self, request: Request) -> Response:
        """Answer with the one that is named in the path."""
        name: str = request.path_params["name"]
        return await self._answered(request, lambda names: self._dialect.model(names.one(name)))

    async def _answered(
        self, request: Request, answer: Callable[[ModelNames], HttpAnswer]
    ) -> Response:
        gateway = gateway_of(request)
        try:
            if request.method not in {"GET", "HEAD"}:
                raise WrongMethodError(request.method, "GET, HEAD")
            visitor = await gateway.authorise(request, Scope.FILE)
            names = ModelNames(gateway.asr, gateway.settings, visitor.limits)
            return dialect_response(answer(names))
        except ContractError as error:
            gateway.metrics.errors_sent.labels(error.code.value).inc()
            return dialect_response(self._dialect.refusal(error), error)
