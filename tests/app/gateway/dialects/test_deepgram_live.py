"""Deepgram's live transcription on the wire: what its messages say, in which order.

The recogniser follows a script: how real speech fares is tests/clients.
"""

import hashlib

import pytest

from app.emulator import Emulator, Script, StreamScript
from tests.app.gateway.dialects.deepgram_streams import (
    RAW,
    SECOND,
    SPOKEN,
    closed,
    listening,
    refused,
    texts,
)
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import Running, said, said_until, send

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_stream_ends_with_its_finals_its_metadata_and_a_normal_close(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    async with listening(gateway) as socket:
        assert socket.response is not None
        request_id = socket.response.headers["dg-request-id"]
        await socket.send(SECOND)
        await send(socket, "CloseStream")
        heard = await said_until(socket, "Metadata")
        assert await closed(socket) == (1000, "")
    first, last, metadata = heard
    assert first["channel"]["alternatives"] == [
        {
            "transcript": "Good morning.",
            "confidence": 0.75,
            "words": [
                {
                    "word": "good",
                    "start": 0.1,
                    "end": 0.3,
                    "confidence": 0.5,
                    "punctuated_word": "Good",
                },
                {
                    "word": "morning",
                    "start": 0.3,
                    "end": 0.7,
                    "confidence": 0.0,
                    "punctuated_word": "morning.",
                },
            ],
        }
    ]
    assert (first["is_final"], first["speech_final"], first["from_finalize"]) == (True, True, False)
    assert first["channel_index"] == [0, 1]
    assert first["metadata"]["request_id"] == request_id
    assert set(first["metadata"]["model_info"]) == {"name", "version", "arch"}
    assert (first["start"], first["duration"]) == (0.0, 0.7)
    # Ranges follow one another over the whole connection.
    assert (last["start"], round(last["start"] + last["duration"], 3)) == (0.7, 0.9)
    assert metadata["request_id"] == request_id
    assert metadata["sha256"] == hashlib.sha256(SECOND).hexdigest()
    assert (metadata["duration"], metadata["channels"]) == (1.0, 1)
    assert metadata["created"].endswith("Z")


async def test_interims_come_only_where_they_are_wanted(
    gateway: Running, emulator: Emulator
) -> None:
    for query, interims in ((f"{RAW}&interim_results=true", ["good mor"]), (RAW, [])):
        emulator.set_script(Script(streams=(SPOKEN,)))
        async with listening(gateway, query) as socket:
            await socket.send(SECOND)
            await send(socket, "CloseStream")
            heard = await said_until(socket, "Metadata")
        assert texts(heard, is_final=False) == interims
        assert texts(heard) == ["Good morning.", "Thank you."]


async def test_a_finalize_is_answered_by_a_final_that_says_so(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(SPOKEN, StreamScript(results=()))))
    async with listening(gateway) as socket:
        await socket.send(SECOND)
        first = await said(socket)
        await send(socket, "Finalize")
        second = await said(socket)
        # Nothing is pending now, and clients wait for an answer all the same.
        await send(socket, "Finalize")
        third = await said(socket)
        await send(socket, "CloseStream")
        rest = await said_until(socket, "Metadata")
    assert (first["from_finalize"], second["from_finalize"]) == (False, True)
    assert texts([first, second, third]) == ["Good morning.", "Thank you.", ""]
    assert third["from_finalize"]
    assert third["start"] == pytest.approx(second["start"] + second["duration"])
    assert [one["type"] for one in rest] == ["Metadata"]


async def test_a_keep_alive_has_no_answer_and_an_empty_frame_ends_the_stream(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    async with listening(gateway) as socket:
        await send(socket, "KeepAlive")
        await socket.send(SECOND)
        await send(socket, "KeepAlive")
        await socket.send(b"")
        heard = await said_until(socket, "Metadata")
        # What comes too late is no error.
        await send(socket, "CloseStream")
        assert await closed(socket) == (1000, "")
    assert texts(heard) == ["Good morning.", "Thank you."]


async def test_events_of_speech_are_told_where_they_are_wanted(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    query = f"{RAW}&vad_events=true&utterance_end_ms=1000"
    async with listening(gateway, query) as socket:
        await socket.send(SECOND)
        started, final = await said(socket), await said(socket)
        await socket.send(SECOND)
        ended = await said(socket)
        await send(socket, "CloseStream")
        rest = await said_until(socket, "Metadata")
    assert (started["type"], started["channel"]) == ("SpeechStarted", [0, 1])
    assert 0 <= started["timestamp"] <= 1
    assert texts([final]) == ["Good morning."]
    assert ended == {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.7}
    # The next segment begins with speech again.
    assert [one["type"] for one in rest] == ["SpeechStarted", "Results", "Metadata"]


async def test_without_endpointing_no_segment_is_said_to_end_speech(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    async with listening(gateway, f"{RAW}&endpointing=false") as socket:
        await socket.send(SECOND)
        final = await said(socket)
    assert (final["is_final"], final["speech_final"]) == (True, False)


async def test_words_to_prefer_reach_the_recogniser(gateway: Running, emulator: Emulator) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    query = (
        f"{RAW}&keyterm=Perch+gateway&keyterm=Riva&keywords=Riva:2&keywords=a:b&keywords=NIM:1.5"
    )
    async with listening(gateway, query) as socket:
        await socket.send(SECOND)
        await send(socket, "CloseStream")
        await said_until(socket, "Metadata")
    assert emulator.streams[-1].hotwords == ("Perch gateway", "Riva", "a:b", "NIM")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("encoding=linear16", "sample_rate is ''"),
        ("encoding=linear16&sample_rate=fast", "sample_rate is 'fast'; accepted: a whole number"),
        ("encoding=amr-nb&sample_rate=8000", "encoding is 'amr-nb'; accepted: linear16, mulaw"),
        ("encoding=linear32&sample_rate=16000", "encoding is 'linear32'"),
        (f"{RAW}&channels=3", "channels is '3'; accepted: a whole number from 1 to 2"),
        (f"{RAW}&channels=2&multichannel=true", "multichannel is 'true'"),
        (f"{RAW}&diarize=true", "diarize is 'true'; accepted: false: speakers"),
        (f"{RAW}&redact=pci", "redact is 'pci'"),
        (f"{RAW}&callback=https%3A%2F%2Fexample.org", "callback is"),
        (f"{RAW}&interim_results=maybe", "interim_results is 'maybe'; accepted: true, false"),
        (f"{RAW}&utterance_end_ms=20", "utterance_end_ms is '20'"),
        (f"{RAW}&keywords=word:-1", "keywords is 'word:-1'"),
        (f"{RAW}&keyterm={'a' * 101}", "at most 100 characters"),
        (f"{RAW}&model=parakeet-of-nobody", "There is no model parakeet-of-nobody"),
        (f"{RAW}&language=xx-YY", "xx-YY"),
    ],
)
async def test_what_would_be_silently_wrong_is_refused_before_the_upgrade(
    gateway: Running, query: str, named: str
) -> None:
    status, body = await refused(gateway, query)
    assert status == 400
    assert named in body["err_msg"]
    assert set(body) == {"err_code", "err_msg", "request_id"}


async def test_all_that_is_wrong_is_named_at_once(gateway: Running) -> None:
    _, body = await refused(gateway, "encoding=speex&diarize=true&interim_results=x")
    assert all(name in body["err_msg"] for name in ("encoding", "diarize", "interim_results"))


async def test_what_the_agent_frameworks_send_is_taken(
    gateway: Running, emulator: Emulator
) -> None:
    pipecat = (
        "model=nova-3-general&language=en&encoding=linear16&sample_rate=16000&channels=1"
        "&interim_results=true&smart_format=false&punctuate=true&profanity_filter=true"
        "&vad_events=false"
    )
    livekit = (
        "model=nova-2-phonecall&punctuate=true&smart_format=false&no_delay=true"
        "&interim_results=true&encoding=linear16&sample_rate=16000&channels=1&endpointing=25"
        "&vad_events=true&filler_words=true&profanity_filter=false&numerals=false"
        "&mip_opt_out=false&diarize=false&language=en-US"
    )
    for query in (pipecat, livekit):
        emulator.set_script(Script(streams=(SPOKEN,)))
        async with listening(gateway, query) as socket:
            await socket.send(SECOND)
            await send(socket, "CloseStream")
            heard = await said_until(socket, "Metadata")
        assert texts(heard) == ["Good morning.", "Thank you."]


async def test_a_stream_with_a_header_of_its_own_is_decoded(
    gateway: Running, emulator: Emulator
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    wav = recording("WAV", "PCM_16")
    async with listening(gateway, "model=nova-3") as socket:
        await socket.send(wav)
        await send(socket, "CloseStream")
        heard = await said_until(socket, "Metadata")
    assert [one["type"] for one in heard] == ["Results", "Results", "Metadata"]
    assert emulator.streams[-1].audio_seconds == pytest.approx(heard[-1]["duration"], abs=0.1)


@pytest.mark.parametrize(
    ("query", "first", "named"),
    [
        ("model=nova-3", SECOND, "does not begin with the header of a file"),
        (RAW, b"Creative Voice File\x1a" + bytes(200), "which is not decoded here"),
    ],
)
async def test_a_stream_that_would_be_heard_as_noise_is_closed(
    gateway: Running, query: str, first: bytes, named: str
) -> None:
    async with listening(gateway, query) as socket:
        await socket.send(first)
        code, reason = await closed(socket)
    assert code == 1008
    assert reason.startswith("DATA-0000 ")
    assert named in reason


@pytest.mark.parametrize("message", ["{", "[]", "{}", '{"type":"Speak"}', '{"type":["Finalize"]}'])
async def test_a_message_that_is_none_is_told_of_and_nothing_ends(
    gateway: Running, emulator: Emulator, message: str
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    async with listening(gateway) as socket:
        await socket.send(message)
        error = await said(socket)
        await socket.send(SECOND)
        await send(socket, "CloseStream")
        heard = await said_until(socket, "Metadata")
    assert (error["type"], error["variant"], error["message"]) == ("Error", "SchemaError", message)
    assert error["description"]
    assert texts(heard) == ["Good morning.", "Thank you."]


async def test_a_running_stream_is_not_configured_again(gateway: Running) -> None:
    async with listening(gateway) as socket:
        await send(socket, "Configure", keyterms=["Perch"])
        answer = await said(socket)
    assert answer["type"] == "ConfigureFailure"
    assert answer["code"] == "CONFIGURE_KEYTERMS_NOT_SUPPORTED"
