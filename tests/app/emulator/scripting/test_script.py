"""Scripts as they come from outside, and who gets which."""

import pytest
from pydantic import ValidationError

from app.emulator import Fail, Script, Stall, StreamScript
from app.emulator.scripting.script import ScriptBook


@pytest.mark.parametrize(
    ("stream", "field"),
    [
        ({"fault": {"do": "explode"}}, "fault"),
        ({"fault": {"do": "fail", "status": "OK", "message": ""}}, "status"),
        ({"fault": {"do": "fail", "status": "INTERNAL"}}, "message"),
        ({"fault": {"do": "kill", "what": "host"}}, "what"),
        ({"fault": {"do": "stall", "after": {"minutes": 1}}}, "minutes"),
        ({"result_delay": -1}, "result_delay"),
        ({"result_delay": "NaN"}, "result_delay"),
        ({"result_delay": float("nan")}, "result_delay"),
        ({"result_delay": True}, "result_delay"),
        ({"result_delay": "1"}, "result_delay"),
        ({"fault": {"do": "stall", "after": {"results": 1.5}}}, "results"),
        ({"fault": {"do": "stall", "after": {"results": True}}}, "results"),
        ({"fault": {"do": "stall", "stop_reading": "yes"}}, "stop_reading"),
        ({"results": [{"text": "a", "is_final": 1}]}, "is_final"),
        ({"results": [{"text": "a", "stability": "0.5"}]}, "stability"),
        ({"finals": "sometimes"}, "finals"),
        ({"results": [{"text": "a", "at": 2}, {"text": "b", "at": 1}]}, "ascend"),
        ({"results": [{"text": "a", "confidence": 0.5}]}, "belong to finals"),
        ({"results": [{"text": "a", "is_final": True, "stability": 0.5}]}, "belongs to interims"),
        ({"repeat_every": 5}, "results to repeat"),
        ({"repeat_every": 1, "results": [{"text": "a", "at": 2}]}, "shorter than the last"),
        (
            {
                "results": [
                    {"text": "a", "is_final": True, "words": [{"word": "a", "start": 2, "end": 1}]}
                ]
            },
            "before start",
        ),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_script_is_refused_with_its_field(stream: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Script.model_validate({"streams": [stream]})


@pytest.mark.parametrize("written", ["2", "2.0", "2e0", "20E-1"])
def test_a_whole_number_may_be_written_in_every_way_that_json_has(written: str) -> None:
    fault = f'{{"do": "stall", "seconds": {written}, "after": {{"results": {written}}}}}'
    (stream,) = Script.model_validate_json(f'{{"streams": [{{"fault": {fault}}}]}}').streams
    assert isinstance(stream.fault, Stall)
    assert (stream.fault.after.results, stream.fault.seconds) == (2, 2.0)
    assert type(stream.fault.after.results) is int


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ValidationError) as error:
        Script.model_validate({"streams": [{"finals": "x"}, {"result_delay": -1}], "then": "y"})
    assert error.value.error_count() == 3


def named(status: str) -> StreamScript:
    return StreamScript.model_validate(
        {"fault": {"do": "fail", "status": status, "message": "scripted"}}
    )


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("cycle", ["ABORTED", "INTERNAL", "ABORTED", "INTERNAL"]),
        ("last", ["ABORTED", "INTERNAL", "INTERNAL", "INTERNAL"]),
        ("listen", ["ABORTED", "INTERNAL", None, None]),
    ],
)
def test_streams_get_their_scripts_in_the_order_of_opening(
    then: str, expected: list[str | None]
) -> None:
    streams = [named("ABORTED").model_dump(), named("INTERNAL").model_dump()]
    book = ScriptBook(Script.model_validate({"streams": streams, "then": then}))
    faults = [book.next().fault for _ in expected]
    assert [fault.status if isinstance(fault, Fail) else None for fault in faults] == expected


def test_a_new_script_begins_with_its_first_stream() -> None:
    book = ScriptBook(Script(streams=(named("ABORTED"), named("INTERNAL"))))
    book.next()
    book.replace(Script(streams=(named("UNAVAILABLE"),)))
    fault = book.next().fault
    assert isinstance(fault, Fail)
    assert fault.status == "UNAVAILABLE"


def test_without_a_script_every_stream_is_heard_as_it_is() -> None:
    assert ScriptBook().next() == StreamScript()
