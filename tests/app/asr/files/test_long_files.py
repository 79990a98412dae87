"""Files that are heard by a stream: in bounded memory, and again from the file after a break.

The servers recognise nothing but the number that stands in each sample (`test_reopened_streams`).
That a whole gateway's memory stays within its budget is shown by `make abuse`.
"""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr import AsrError, Transcript
from app.asr.files.audio import FileAudio, FileLimits
from tests.app.asr.conftest import client_of
from tests.app.asr.files.test_files import BOTH, decoded, encoded, offline, offline_result, sine
from tests.app.asr.session.breaks.test_reopened_streams import ALL, RATE, SPEECH, Reader, Turns
from tests.app.asr.sound import wav
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving, word

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMITS = FileLimits(max_bytes=10_000_000, max_duration=7200.0)
BREAKS = {"replay_s": 1.0, "reopen_delay_ms": 1, "retry_delay_ms": 1}


NUMBERED = wav(SPEECH)


class Broken(Reader):
    """Says so many words and fails, when much more audio came than is kept.

    Args:
        words: it says.
        late: whether only then.
        timed: whether with times.
    """

    def __init__(self, words: int, *, late: bool = False, timed: bool = True) -> None:
        super().__init__(words)
        self._words = words
        self._late = late
        self._timed = timed

    async def __call__(self, stream: Stream) -> None:
        said = 0
        while (await stream.receive()) is not None:
            if said < self._words and not self._late:
                said = await self.say(stream, said)
        if self._late and self._timed:
            await self.say(stream, 0)
        elif self._late:
            await stream.say(final("w0"))
        await stream.fail(grpc.StatusCode.UNAVAILABLE, "gone")


@pytest.mark.parametrize(
    ("scripts", "begin"),
    [
        # By a cursor in a quiet place near the last final word, if it came in time for one.
        ((Broken(3), Broken(2)), None),
        # Where finals came too late for that: two seconds before the last final word.
        ((Broken(10, late=True), Broken(9, late=True)), [0.0, 0.5, 0.75]),
        # Where they have no times, or there are none: from the beginning.
        ((Broken(1, late=True, timed=False), Broken(0, late=True)), [0.0, 0.0, 0.0]),
    ],
)
async def test_after_a_break_beyond_what_is_kept_the_rest_is_heard_again_from_the_file(
    scripts: tuple[Broken, ...], begin: list[float] | None
) -> None:
    words = [f"w{number}" for number in range(16)]
    riva = FakeRiva(script=Turns(*scripts, Reader()))
    numbered = wav(np.arange(RATE * 4).astype("<u2").tobytes())
    told = []

    async def tell(one: Transcript) -> None:
        told.append(one)

    async with serving(riva), client_of(riva, **BREAKS) as client:
        heard = await client.transcribe_file(numbered, tell=tell)
        began = [np.frombuffer(stream.audio, "<u2")[0] / RATE for stream in riva.streams]
    assert len(began) == 3
    assert begin is None or began == begin
    assert heard.text.split() == words
    assert [word.word for word in heard.words] == words
    for number, one in enumerate(heard.words):
        assert one.start == pytest.approx(number * 0.25, abs=0.002)
    assert heard.duration == 4.0
    # Nothing that was told on the way is taken back, and nothing is told twice.
    assert tuple(told) == heard.segments


async def test_a_final_is_told_while_the_recording_is_still_heard() -> None:
    reader, told = Reader(), asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.receive()
        await stream.say(final("w0", word("w0", 0, 100)))
        # Only who was told of the first can have this one go on.
        await told.wait()
        await reader(stream)

    async def tell(_: Transcript) -> None:
        told.set()

    async with serving(FakeRiva(script=script)) as riva, client_of(riva) as client:
        heard = await client.transcribe_file(NUMBERED, tell=tell)
    assert heard.segments[0].text == "w0"
    assert heard.language == "en-US"


async def test_audio_that_breaks_every_stream_is_given_up() -> None:
    riva = FakeRiva(script=Broken(0, late=True))
    async with serving(riva), client_of(riva, **BREAKS) as client:
        with pytest.raises(AsrError) as caught:
            await client.transcribe_file(NUMBERED)
        assert len(riva.streams) == 1 + 3
    assert caught.value.code == "UNAVAILABLE"


async def take_and_forget(stream: Stream) -> None:
    """Takes everything, keeps nothing, says how much it was."""
    size = 0
    while (request := await stream.context.read()) is not grpc.aio.EOF:
        size += len(request.audio_content)
    await stream.say(final(f"{size} bytes"))


def silence_as_flac(seconds: int) -> bytes:
    quiet = io.BytesIO()
    soundfile.write(quiet, np.zeros(RATE * seconds, dtype=np.int16), RATE, format="FLAC")
    return quiet.getvalue()


async def test_memory_does_not_grow_with_the_recording() -> None:
    minutes = 4
    flac = silence_as_flac(60 * minutes)
    async with (
        serving(FakeRiva(script=take_and_forget)) as riva,
        client_of(riva, replay_s=5.0) as client,
    ):
        # What is imported at the first file is no memory of this one.
        await client.transcribe_file(silence_as_flac(1))
        peaks = []
        for _ in range(2):
            tracemalloc.start()
            try:
                heard = await client.transcribe_file(flac)
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    whole = RATE * 60 * minutes * 2
    assert heard.text == f"{whole} bytes"
    # The audio kept to be heard again is 160 kB. What gRPC holds in C is not seen here, but what
    # other threads of the process allocate is: a thread of an earlier test that ends, for one.
    assert min(peaks) < whole / 8


@given(
    kind=st.sampled_from(
        [
            (8_000, "WAV", "PCM_16"),
            (44_100, "FLAC", "PCM_16"),
            (96_000, "FLAC", "PCM_16"),
            (16_000, "MP3", "MPEG_LAYER_III"),
        ]
    ),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=15)
async def test_audio_from_any_sample_is_what_was_there_the_first_time(
    kind: tuple[int, str, str], places: list[float]
) -> None:
    blob = encoded(sine(1.5, kind[0]), *kind)
    whole = await decoded(blob, LIMITS)
    async with FileAudio(io.BytesIO(blob), LIMITS) as file:
        for place in places:
            sample = int(place * len(whole) / 2)
            got = b"".join([chunk async for chunk in file.from_sample(sample, 999)])
            assert got == whole[2 * sample :]


@pytest.mark.parametrize("most", [0, 79_999, 80_000])
async def test_all_audio_is_given_where_it_is_no_more_than_so_much(most: int) -> None:
    async with FileAudio(encoded(sine(2.5, 16_000), 16_000, "WAV", "PCM_16"), LIMITS) as file:
        whole = await file.whole(most)
        assert (whole is not None) == (most == 80_000)
        assert sum([len(chunk) async for chunk in file.from_sample(0, 8192)]) == 80_000
        assert (file.duration, file.promised_duration) == (2.5, 2.5)


async def test_an_open_file_is_read_from_where_it_stands_and_stays_the_callers() -> None:
    file = io.BytesIO(b"what stands before it" + NUMBERED)
    file.seek(len(b"what stands before it"))
    async with FileAudio(file, LIMITS) as audio:
        for _ in range(2):
            got = [chunk async for chunk in audio.from_sample(0, len(SPEECH))]
            assert b"".join(got) == SPEECH
    assert not file.closed


async def test_whoever_counts_what_was_decoded_can_end_it() -> None:
    counted: list[float] = []

    async def count(seconds: float) -> None:
        counted.append(seconds)
        if sum(counted) >= 2.0:
            raise KeyError("enough")

    async with (
        serving(FakeRiva()) as riva,
        client_of(riva) as client,
        client.file(NUMBERED) as file,
    ):
        file.on_decoded = count
        with pytest.raises(KeyError, match="enough"):
            await client.transcribe_file(file)
    assert counted == [pytest.approx(1.0, abs=0.1)] * 2


async def test_a_file_that_is_long_goes_by_the_stream_where_the_model_takes_one() -> None:
    riva = FakeRiva(models=BOTH, script=Reader(), recognize=offline(offline_result("offline")))
    async with serving(riva), client_of(riva, offline_max_bytes=len(SPEECH)) as client:
        assert (await client.transcribe_file(NUMBERED)).text == "offline"
        longer = await client.transcribe_file(wav(SPEECH + bytes(2)))
    assert longer.text.split() == ALL


async def test_what_the_server_finds_too_large_for_one_call_goes_by_the_stream() -> None:
    riva = FakeRiva(models=BOTH, script=Reader(), recognize=offline(offline_result("offline")))
    small = [("grpc.max_receive_message_length", len(SPEECH))]
    async with serving(riva, options=small), client_of(riva) as client:
        heard = await client.transcribe_file(NUMBERED)
    assert heard.text.split() == ALL


async def test_a_model_without_streams_says_how_long_a_file_may_be() -> None:
    riva = FakeRiva(
        models={"off": {"type": "offline"}}, recognize=offline(offline_result("offline"))
    )
    async with serving(riva), client_of(riva, max_message_bytes=70_000) as client:
        with pytest.raises(AsrError) as caught:
            await client.transcribe_file(NUMBERED)
    assert caught.value.code == "AUDIO_TOO_LONG"
    assert caught.value.message.startswith("The recording is longer than 2 s, the most that fits")


async def test_who_gives_a_file_up_leaves_no_decoder_behind() -> None:
    asked = asyncio.Event()

    async def hold(stream: Stream) -> None:
        asked.set()
        await stream.receive_all()
        await asyncio.Event().wait()

    async with serving(FakeRiva(script=hold)) as riva, client_of(riva) as client:
        file = client.file(NUMBERED)
        async with file:
            hearing = asyncio.create_task(client.transcribe_file(file))
            await asked.wait()
            hearing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hearing
            # Nobody is inside the decoder: it can be used again at once.
            chunks: AsyncIterator[Any] = file.from_sample(0, len(SPEECH))
            assert b"".join([chunk async for chunk in chunks]) == SPEECH
