"""Sends the results of one session as they come."""

import asyncio

from app.asr import Finalised, Interrupted, StreamEvent, Transcript
from app.contract import ContractError, ErrorCode, WarningCode
from app.gateway.dialects import events
from app.gateway.session.client_writer import ClientWriter
from app.gateway.session.endings import over
from app.gateway.session.recognition import Recognition
from app.gateway.session.telemetry import SessionTelemetry


class ResultSender:
    """Sends the results of one session.

    Args:
        recognition: The session.
        writer: Sends them.
        telemetry: Counts them.
        final_timeout_s: Seconds the recogniser may be silent once the audio ended.
    """

    def __init__(
        self,
        recognition: Recognition,
        writer: ClientWriter,
        telemetry: SessionTelemetry,
        final_timeout_s: float,
    ) -> None:
        self._recognition = recognition
        self._writer = writer
        self._telemetry = telemetry
        self._final_timeout_s = final_timeout_s

    async def run(self) -> None:
        """Send results until the recogniser ends them.

        Raises:
            AsrError: The recogniser failed, or refuses the session.
            ConnectionEndError: No result came in time, or the client is gone.
        """
        recognition = self._recognition
        try:
            async with asyncio.timeout(None) as deadline:
                recognition.guard(deadline)
                async with recognition.session as stream:
                    async for event in stream:
                        await self._send(event)
                        recognition.extend_deadline()
        except TimeoutError as error:
            limit = self._final_timeout_s
            raise over(ContractError(ErrorCode.ASR_STALLED, seconds=limit)) from error

    async def _send(self, event: StreamEvent) -> None:
        match event:
            case Transcript():
                if event.is_final or self._recognition.request.enable_partials:
                    await self._send_result(event)
            case Finalised():
                for _ in range(event.calls):
                    await self._writer.send(events.Finalised(event.position))
            case Interrupted():
                self._telemetry.interrupted(self._recognition, event)
                await self._writer.warn(WarningCode.RECOGNISER_LOST)
            case _:
                self._telemetry.reopened(event)
                await self._writer.warn(WarningCode.RECOGNISER_BACK, outage=round(event.outage, 1))

    async def _send_result(self, transcript: Transcript) -> None:
        recognition, end = self._recognition, said_to(transcript)
        age = recognition.result_age(transcript.audio_processed)
        resume = recognition.resume_point(transcript.cursor) if transcript.is_final else None
        await self._writer.send_result(
            events.Result(
                transcript=transcript,
                segment_id=recognition.segment_id,
                segment_start=recognition.segment_start,
                segment_end=recognition.segment_end(end),
                age=age,
                resume=resume,
            )
        )
        self._telemetry.result(recognition, transcript.words if transcript.is_final else None, age)
        recognition.note(end, is_final=transcript.is_final)


def said_to(transcript: Transcript) -> float | None:
    """Return where what was said ends, in seconds of the session's audio; None where unsaid."""
    return transcript.words[-1].end if transcript.words else transcript.audio_processed
