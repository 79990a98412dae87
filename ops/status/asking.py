"""Several questions at once: one that fails costs its own answer and no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from ops.console.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AT_ONCE: Final = 8


def ask(questions: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the answers by name, None for each that failed, and why those failed.

    Each question has deadlines of its own.

    Args:
        questions: What to call, by the name of the fact. A question fails by CommandFailedError.
    """
    answers: dict[str, Any] = dict.fromkeys(questions)
    failures: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = {name: pool.submit(question) for name, question in questions.items()}
        for name, future in asked.items():
            try:
                answers[name] = future.result()
            except CommandFailedError as error:
                failures[name] = error.format_message()
    return answers, failures
