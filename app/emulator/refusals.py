"""The refusals of a Riva server, in its words. Sources: docs/adr/0201."""

import grpc


class RefusalError(Exception):
    """Ends an RPC with a status.

    Attributes:
        status: The gRPC status code.
        text: The status message a client sees.
    """

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(f"{status.name}: {text}")
        self.status = status
        self.text = text


def unavailable_model(status: grpc.StatusCode, language: str, kind: str) -> RefusalError:
    """Return the error for a model or language, or an RPC in this mode, that is not served.

    Args:
        status: Public texts leave the code open (INVALID_ARGUMENT or NOT_FOUND): a setting.
        language: The language code as the client sent it.
        kind: `online` for streaming, `offline` for Recognize.
    """
    return RefusalError(
        status,
        "Error: Unavailable model requested given these parameters: "
        f"language_code={language}; type={kind};",
    )


def sequence_freed(sequence: int, model: str) -> RefusalError:
    """Return the error for audio of a stream whose sequence was freed as it was idle."""
    return RefusalError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"Error: inference request for sequence {sequence} to model '{model}' "
        "must specify the START flag on the first request of the sequence",
    )


def still_loading() -> RefusalError:
    """Return the error for any call before the model is in memory."""
    return RefusalError(
        grpc.StatusCode.UNAVAILABLE, "Error: the server is loading its models; try again later"
    )


def all_slots_taken(limit: int) -> RefusalError:
    """Return the error for streams beyond the batch size, where they are not queued."""
    return RefusalError(
        grpc.StatusCode.RESOURCE_EXHAUSTED, f"Error: all {limit} stream slots are in use"
    )


def bad_argument(text: str) -> RefusalError:
    """Return the error for a request that breaks the protocol or asks for the impossible."""
    return RefusalError(grpc.StatusCode.INVALID_ARGUMENT, f"Error: {text}")


def no_format() -> RefusalError:
    """Return the error for samples of an undeclared format."""
    return bad_argument(
        "the audio has no header of a WAV, FLAC or OGG file, and the config names no "
        "sample_rate_hertz for samples without one; send either"
    )
