"""An error in the contract's words."""

from .codes import ErrorCode
from .errors import ERRORS, ErrorSpec
from .fields import ErrorBody


class ContractError(Exception):
    """An error to report to a client in the contract's words.

    Args:
        code: Which error.
        retryable: Overrides what the code says, where the cause is known better.
        retry_after_s: The same for the seconds to wait.
        values: Fill the places of the code's sentence.
    """

    def __init__(
        self,
        code: ErrorCode,
        *,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        **values: object,
    ) -> None:
        self.code = code
        self.spec: ErrorSpec = ERRORS[code]
        # A library may repeat bytes of a stranger as surrogates, which no answer could carry.
        sentence = self.spec.sentence.format(**values)
        self.sentence = sentence.encode("utf-8", "backslashreplace").decode()
        self.retryable = self.spec.retryable if retryable is None else retryable
        after = self.spec.retry_after_s if retry_after_s is None else retry_after_s
        self.retry_after_s = after if self.retryable else None
        super().__init__(self.sentence)

    def body(self) -> ErrorBody:
        """Return the four keys every error has, over HTTP and over a WebSocket."""
        return ErrorBody(
            error=self.sentence,
            code=self.code.value,
            retryable=self.retryable,
            retry_after=self.retry_after_s,
        )
