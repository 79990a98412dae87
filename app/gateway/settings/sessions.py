"""Settings of connections and sessions: how many, how fast, how long."""

from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import Field

from app.settings import Settings
from app.settings.types import OptionalSeconds, Seconds

PerMinute = Annotated[float, Ge(0), Le(1_000_000)]


class SessionSettings(Settings):
    """What an operator may change about connections and their sessions."""

    ws_max_connections: Annotated[int, Ge(1), Le(100_000)] = Field(
        100, description="a whole number from 1 to 100000"
    )
    ws_max_concurrent_sessions: Annotated[int, Ge(1), Le(100_000)] = Field(
        50, description="a whole number from 1 to 100000"
    )
    ws_waiting_room: Annotated[int, Ge(0), Le(10_000)] = Field(
        50,
        description="a whole number from 0 to 10000: clients that may wait when all sessions are "
        "in use, where they ask to; 0 for none",
    )
    ws_max_sessions_per_client: Annotated[int, Ge(0), Le(100_000)] = Field(
        0,
        description="a whole number from 0 to 100000: sessions of one token, or of one address "
        "where no token is asked for; 0 means no limit",
    )
    ws_client_share: Annotated[float, Gt(0), Le(1)] = Field(
        0.5,
        description="a number above 0, to 1: of the connections and of the sessions, what one "
        "client may have at once: one token, or one address where no token is asked for; 1 means "
        "no limit",
    )
    ws_new_sessions_per_minute: PerMinute = Field(
        0.0,
        description="a number from 0 to 1000000: sessions begun, over all clients; "
        "0 means no limit",
    )
    ws_client_new_sessions_per_minute: PerMinute = Field(
        0.0,
        description="a number from 0 to 1000000: sessions begun by one client; 0 means no limit",
    )
    ws_client_resumes_per_minute: PerMinute = Field(
        120.0,
        description="a number from 0 to 1000000: sessions one client goes on with by a resume "
        "token; 0 means no limit",
    )
    ws_ping_interval_s: Seconds = Field(
        30.0, description="seconds between keep-alive pings, above 0, to 86400"
    )
    ws_ping_timeout_s: Seconds = Field(
        20.0, description="seconds to wait for the answer to a ping, above 0, to 86400"
    )
    ws_frame_ms: Annotated[int, Ge(10), Le(1000)] = Field(
        100, description="a whole number from 10 to 1000: the message length advised to clients"
    )
    ws_idle_timeout_s: OptionalSeconds = Field(
        300.0, description="seconds from 0 to 86400 without any message; 0 means no limit"
    )
    ws_max_session_s: OptionalSeconds = Field(
        7200.0, description="seconds from 0 to 86400 a session may last; 0 means no limit"
    )
    ws_warning_s: OptionalSeconds = Field(
        60.0,
        description="seconds from 0 to 86400 of warning before a session or connection is ended",
    )
    ws_send_timeout_s: Seconds = Field(
        10.0, description="seconds above 0, to 86400, a client may leave results or answers unread"
    )
    ws_stall_timeout_s: Seconds = Field(
        30.0, description="seconds above 0, to 86400, the recogniser may take no audio"
    )
    ws_final_timeout_s: Seconds = Field(
        30.0, description="seconds above 0, to 86400, from the end of audio to the last result"
    )
    ws_control_rate: Annotated[float, Gt(0), Le(10_000)] = Field(
        20.0, description="control messages per second, above 0, to 10000"
    )
    ws_control_burst: Annotated[int, Ge(1), Le(100_000)] = Field(
        100, description="a whole number from 1 to 100000: control messages in a burst"
    )
