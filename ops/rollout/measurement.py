"""Sessions of our own at both colours, side by side: the same recording, at the same moment."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Final

from app.client import ClientError, Outcome, connect, read_audio, stream
from ops.console.errors import ConfigurationError
from ops.console.options import revealed
from ops.qa.corpus import load_corpus
from ops.qa.wer import count_errors
from ops.rollout.verdict import Sample
from ops.smoke import recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from app.client import PcmAudio
    from ops.stack import Colour, StackOutputs

SPARE_S: Final = 30.0
"""What a session may take beyond its recording's length, connecting and the last final included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A recording whose words are known.

    Attributes:
        name: For messages.
        audio: Its samples.
        text: What is said in it.
        speech_start_s: When speech begins, where that is known.
    """

    name: str
    audio: PcmAudio
    text: str
    speech_start_s: float | None = None


def golden(corpus: Path | None) -> tuple[Golden, ...]:
    """Read recordings whose words are known.

    Args:
        corpus: A folder with a `manifest.json`, as `perch qa` takes it; None for the one recording
            that comes with the repository.

    Raises:
        ConfigurationError: It is no corpus, or says of none what is said in it.
    """
    try:
        if corpus is None:
            found = recording.find(None)
            clips: list[tuple[Path, str, float | None]] = [
                (found.path, found.reference or "", None)
            ]
        else:
            clips = [
                (corpus / clip.file, clip.text, clip.speech_start_s) for clip in load_corpus(corpus)
            ]
        read = tuple(
            Golden(name=path.name, audio=read_audio(path), text=text, speech_start_s=start)
            for path, text, start in clips
            if text
        )
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"a recording cannot be read: {error}") from None
    if not read:
        raise ConfigurationError(
            f"no recording of {corpus} says what is said in it; a canary is compared by words"
        )
    return read


@dataclass(slots=True, kw_only=True)
class Measurement:
    """Sends rounds of sessions: one to each colour at a time.

    Attributes:
        outputs: The stack.
        recordings: What is sent, in turn.
        token: Bearer token of the gateway; None where it asks for none.
        authority: PEM file of an authority to trust in place of the one that the stack names.
    """

    outputs: StackOutputs
    recordings: Sequence[Golden]
    token: SecretStr | None = None
    authority: Path | None = None
    _turns: Iterator[Golden] = field(init=False)

    def __post_init__(self) -> None:
        self._turns = cycle(self.recordings)

    def round(self, colours: Sequence[Colour]) -> tuple[Sample, ...]:
        """Return one sample of each colour, in their order."""
        clip = next(self._turns)

        async def both() -> list[Sample]:
            return await asyncio.gather(*(self._session(colour, clip) for colour in colours))

        return tuple(asyncio.run(both()))

    async def _session(self, colour: Colour, clip: Golden) -> Sample:
        deadline = clip.audio.seconds + SPARE_S
        try:
            async with (
                asyncio.timeout(deadline),
                connect(
                    self.outputs.websocket_url,
                    token=revealed(self.token),
                    ssl_context=ssl.create_default_context(
                        cafile=self.authority or self.outputs.ca_certificate_path
                    ),
                    headers={self.outputs.direct_header: colour},
                    # A break of the connection is what is looked for, not to be mended.
                    resume=False,
                ) as connection,
            ):
                outcome = await stream(connection, clip.audio, speech_start_s=clip.speech_start_s)
        except TimeoutError:
            return _failed(clip, f"not done after {deadline:.0f} s")
        except (ClientError, OSError, ValueError) as error:
            return _failed(clip, str(error) or type(error).__name__)
        return sample_of(clip, outcome)


def sample_of(clip: Golden, outcome: Outcome) -> Sample:
    """Return what one session comes to.

    A session without a word has failed, whatever it took to hear nothing. Where a final came before
    the end was asked for, the end-pointing tells how long finals take.
    """
    if not outcome.text:
        return _failed(clip, f"not one word was heard in {clip.name}")
    counted = count_errors(clip.text, outcome.text)
    lags = outcome.final_lags_s
    final = outcome.last_final_s
    interim = outcome.first_interim_after_speech_s
    return Sample(
        first_interim_s=outcome.first_interim_s if interim is None else interim,
        final_s=final if final is not None else (lags[-1] if lags else None),
        words=counted.reference,
        wrong=counted.total,
    )


def _failed(clip: Golden, reason: str) -> Sample:
    return Sample(failure=reason, words=count_errors(clip.text, "").reference)
