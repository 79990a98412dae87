"""What a form of OpenAI's asks for, and how errors look there; no gateway runs.

`test_openai_rest` is the same over HTTP.
"""

import json
from string import Formatter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract import ERRORS, ContractError, ErrorCode
from app.gateway.dialects.openai import answers, form
from app.gateway.dialects.openai.form import TEXTS, FieldError
from app.gateway.dialects.openai.rest import OpenAIRestCodec
from app.gateway.dialects.registry import UPLOAD_DIALECTS

TEXT = st.text(max_size=12) | st.sampled_from(
    ["json", "srt", "verbose_json", "true", "word", "segment", "en_US", "whisper-1", "0.5", "1e999"]
)


def test_no_two_dialects_are_spoken_at_one_path() -> None:
    found = [path for one in UPLOAD_DIALECTS for path in (*one.paths, *one.models_at)]
    assert len(found) == len(set(found))


@given(st.dictionaries(st.sampled_from(sorted(TEXTS)), st.lists(TEXT, min_size=1, max_size=3)))
@settings(deadline=None)
def test_any_texts_are_a_form_or_an_error_that_names_one_of_them(
    texts: dict[str, list[str]],
) -> None:
    refused: FieldError | None = None
    try:
        assert form.read(texts).asked.model
    except FieldError as error:
        refused = error
    if refused is not None:
        body = json.loads(answers.refusal(refused).body)
        assert body["error"]["param"] == refused.name
        assert refused.name in TEXTS
        assert body["error"]["message"].startswith(refused.name)


def test_every_error_has_a_status_that_its_sdk_knows_and_says_whether_to_come_again() -> None:
    for code in ErrorCode:
        places = [name for _, name, _, _ in Formatter().parse(ERRORS[code].sentence) if name]
        values: dict[str, Any] = dict.fromkeys(places, 1)
        error = ContractError(code, **values)
        answer = OpenAIRestCodec.refusal(error)
        assert 400 <= answer.status < 600
        assert answer.headers["x-should-retry"] in {"true", "false"}
        if not error.retryable:
            assert answer.headers["x-should-retry"] == "false"


def test_what_was_too_slow_once_is_not_sent_again_at_once() -> None:
    slow = ContractError(ErrorCode.UPLOAD_TOO_SLOW, seconds=10, rate=4096)
    assert slow.retryable
    assert OpenAIRestCodec.refusal(slow).headers["x-should-retry"] == "false"
    full = ContractError(ErrorCode.TOO_MANY_UPLOADS, limit="16 at once")
    assert OpenAIRestCodec.refusal(full).headers["x-should-retry"] == "true"
