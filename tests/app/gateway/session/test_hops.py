"""How many hands a frame, a result and a request go through: no more than they do now."""

from tests.app.gateway.session.hops import finalise, frame_and_result, wakeups

FRAME_FILES, RESULT_FILES = 6, 8
FRAME_RAN, RESULT_RAN, FINALISE_RAN = 15, 22, 36
WAKEUPS = 3.5  # one for the message, one for the audio, one for gRPC that has taken it


async def test_a_frame_crosses_two_tasks_and_neither_it_nor_a_result_more_files_than_now() -> None:
    frame, result = await frame_and_result()
    assert len(frame.tasks) == 2, frame.tasks
    assert frame.tasks[1] == "RecognitionCall._send"
    assert len(frame.files) <= FRAME_FILES, frame.files
    assert len(frame.ran) <= FRAME_RAN, frame.ran
    assert result.tasks == ["ClientConnection._recognise"]
    assert len(result.files) <= RESULT_FILES, result.files
    assert len(result.ran) <= RESULT_RAN, result.ran


async def test_a_request_for_finals_runs_through_no_more_files_than_now() -> None:
    passed = await finalise()
    assert len(passed.ran) <= FINALISE_RAN, passed.ran


async def test_a_frame_wakes_a_task_three_times() -> None:
    assert 2 <= await wakeups() <= WAKEUPS
