"""The bounds of a session and of each call it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.asr.session.reopening import ReopenRules

if TYPE_CHECKING:
    from app.asr.settings import RivaSettings
    from app.asr.wire.requests import Options

_MS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """The bounds of one call.

    Attributes:
        sample_rate: Hz of the caller's PCM16 mono audio.
        largest_chunk: most bytes of audio in one message; even.
        silence_interval: seconds without audio after which silence is sent.
        write_timeout: longest wait in seconds until the recogniser takes a message.
        final_timeout: longest wait in seconds for the next response once the audio has ended.
        interim_interval: least seconds between two interims of a segment; 0 passes each.
        interims: False leaves interims out, also where the recogniser sends them unasked.
        word_times: whether word times were asked for.
        quiet_gap: seconds of audio for which an interim may stand unchanged; 0 without end.
    """

    sample_rate: int
    largest_chunk: int
    silence_interval: float
    write_timeout: float
    final_timeout: float
    interim_interval: float
    interims: bool
    word_times: bool
    quiet_gap: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """The bounds of a session.

    Attributes:
        call: the bounds of each call.
        reopen: whether and when another one is opened.
        replay_s: seconds of un-finalised audio that are kept to be heard again.
        patience_s: seconds a recogniser gets at least to say something about audio before more of
            it than that is let go; a caller who is faster waits so long.
        max_call_s: a call that is older, in seconds, is replaced at the next final; 0 never.
        unsent_s: seconds of audio that may wait for an open call before the caller has to; 0 holds
            the caller until the call asks for more.
        send_timeout: longest wait in seconds of the caller; None without end.
    """

    call: CallRules
    reopen: ReopenRules
    replay_s: float
    patience_s: float
    max_call_s: float
    unsent_s: float = 0.0
    send_timeout: float | None = None

    def buffer_limits(self) -> BufferLimits:
        """Return those of the buffer, in samples."""
        rate = self.call.sample_rate
        return BufferLimits(
            unsent=round(self.unsent_s * rate),
            unfinal=round(self.replay_s * rate),
            patience=min(self.patience_s, self.replay_s),
            send_timeout=self.send_timeout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferLimits:
    """The limits of a session's buffer.

    Attributes:
        unsent: samples that no call was sent yet and that may wait while one is open; 0 holds the
            caller until the call that is open has taken everything and asks for more.
        unfinal: samples without a final that are kept to be heard again.
        patience: seconds a recogniser has to say something about audio before a full buffer lets
            go of it; no longer than `unfinal`, or callers at real time would be held back.
        send_timeout: longest wait in seconds of the caller; None without end.
    """

    unsent: int = 0
    unfinal: int
    patience: float
    send_timeout: float | None = None


def call_rules(settings: RivaSettings, options: Options, *, interims: bool) -> CallRules:
    """Return the bounds of each call of a session.

    Args:
        settings: how long is waited.
        options: what is asked for.
        interims: whether the caller wants them.
    """
    gap = settings.quiet_gap_s
    return CallRules(
        sample_rate=options.sample_rate,
        largest_chunk=settings.chunk_size_bytes,
        silence_interval=settings.silence_interval_s,
        write_timeout=settings.timeout_ms / _MS,
        final_timeout=settings.final_timeout_ms / _MS,
        interim_interval=settings.partial_result_interval_ms / _MS,
        interims=interims and settings.enable_partial_results,
        word_times=settings.enable_word_time_offsets,
        # Beyond what endpointing waits for.
        quiet_gap=gap and gap + (options.endpointing.stop_history_ms or 0) / _MS,
    )


def session_rules(
    settings: RivaSettings,
    call: CallRules,
    *,
    patience_s: float,
    unsent_s: float = 0.0,
    send_timeout: float | None = None,
) -> SessionRules:
    """Return the bounds of a session of such calls; the arguments are those of `SessionRules`."""
    return SessionRules(
        call=call,
        reopen=ReopenRules(
            outage_limit=settings.outage_limit_s, first_wait=settings.reopen_delay_ms / _MS
        ),
        replay_s=settings.replay_s,
        patience_s=patience_s,
        max_call_s=settings.max_stream_s,
        unsent_s=unsent_s,
        send_timeout=send_timeout,
    )
