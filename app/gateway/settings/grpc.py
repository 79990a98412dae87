"""The settings of the gRPC listener: the part APP_GRPC_* of the gateway's."""

from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import Field

from app.settings import Settings
from app.settings.types import EmptyIsNone

_MIB = 1024 * 1024


class GrpcSettings(Settings):
    """What an operator may change about the way in for clients of Riva's gRPC."""

    app_grpc_port: Annotated[Annotated[int, Ge(0), Le(65_535)] | None, EmptyIsNone] = Field(
        None,
        description="empty for no gRPC, or the port from 0 to 65535 where clients of Riva's own "
        "protocol are served, at APP_HOST; 0 takes a free one and logs it",
    )
    app_grpc_max_message_mb: Annotated[float, Gt(0), Le(1024)] = Field(
        4.0,
        description="a number above 0, to 1024: largest message over gRPC in MiB, and so the "
        "largest recording that Recognize takes",
    )

    @property
    def max_grpc_message_bytes(self) -> int:
        """Largest message over gRPC."""
        return int(self.app_grpc_max_message_mb * _MIB)
