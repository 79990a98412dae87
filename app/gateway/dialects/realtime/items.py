"""OpenAI's items: one utterance, or what the client committed, with everything heard in it."""

from collections import deque
from dataclasses import dataclass, field

from app.gateway.dialects.realtime.messages import event, milliseconds, new_id

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass(slots=True)
class Item:
    """One utterance or commit.

    Attributes:
        id: New and random.
        previous: Id of the item that was committed before it; None for the first.
        texts: Finals that belong to it.
        has_deltas: Whether deltas of it were sent.
        has_begun: Whether the client was told that speech began.
        is_dropped: The client cleared it: nothing of it is sent.
        seconds: Length of its audio.
    """

    id: str = field(default_factory=lambda: new_id("item"))
    previous: str | None = None
    texts: list[str] = field(default_factory=list)
    has_deltas: bool = False
    has_begun: bool = False
    is_dropped: bool = False
    seconds: float = 0.0


class Items:
    """The items of one connection: one that is being spoken, and those that await their finals.

    Args:
        is_beta: The client speaks the dialect before 2025-08, which has one event for an item in
            place of two.
    """

    def __init__(self, *, is_beta: bool = False) -> None:
        self._is_beta = is_beta
        self._open = Item()
        self._awaited: deque[Item] = deque()
        self._last: str | None = None

    @property
    def hearing(self) -> Item:
        """The item that the next result belongs to."""
        return self._awaited[0] if self._awaited else self._open

    @property
    def is_committed(self) -> bool:
        """Whether the next result belongs to an item that the client has committed."""
        return bool(self._awaited)

    def commit(self, seconds: float) -> list[str]:
        """Commit what was said so far, as the client asks; its finals come later."""
        item = self._take(seconds)
        self._awaited.append(item)
        return self._committed(item)

    def clear(self, seconds: float) -> None:
        """Drop what was said so far, and the finals of it that come later."""
        item = self._take(seconds)
        item.is_dropped = True
        self._awaited.append(item)

    def answered(self) -> list[str]:
        """Complete the oldest item that awaits its finals: there are no more of them."""
        return self._completed(self._awaited.popleft()) if self._awaited else []

    def began(self, at: float) -> list[str]:
        """Tell once that somebody speaks, from a second of the audio on."""
        if self._open.has_begun:
            return []
        self._open.has_begun = True
        return [
            event(
                "input_audio_buffer.speech_started",
                audio_start_ms=milliseconds(at),
                item_id=self._open.id,
            )
        ]

    def stopped(self, at: float, seconds: float) -> list[str]:
        """Commit the item that is being spoken: the recogniser found its end.

        Args:
            at: Where, in seconds of the audio.
            seconds: How long it is.
        """
        item = self._take(seconds)
        # It has its finals: nothing is awaited.
        self._awaited.appendleft(item)
        ended = event(
            "input_audio_buffer.speech_stopped", audio_end_ms=milliseconds(at), item_id=item.id
        )
        return [ended, *self._committed(item)]

    def delta(self, words: str) -> list[str]:
        """Tell words of the item that is heard."""
        item = self.hearing
        if not words or item.is_dropped:
            return []
        text = f" {words}" if item.has_deltas else words
        item.has_deltas = True
        return [event(f"{_TRANSCRIPTION}.delta", item_id=item.id, content_index=0, delta=text)]

    def flush(self, seconds: float) -> list[str]:
        """Commit and complete everything: the session has ended, and there are no more finals."""
        texts: list[str] = []
        while self._awaited:
            texts += self.answered()
        if self._open.texts or self._open.has_begun or self._open.has_deltas:
            texts += self.commit(seconds)
            texts += self.answered()
        return texts

    def fail(self, error: dict[str, object]) -> list[str]:
        """Tell of everything that was committed that it will have no transcript."""
        texts = []
        while self._awaited:
            item = self._awaited.popleft()
            if not item.is_dropped:
                texts.append(
                    event(f"{_TRANSCRIPTION}.failed", item_id=item.id, content_index=0, error=error)
                )
        return texts

    def _take(self, seconds: float) -> Item:
        item, self._open = self._open, Item()
        item.seconds = seconds
        return item

    def _committed(self, item: Item) -> list[str]:
        item.previous, self._last = self._last, item.id
        previous = {"previous_item_id": item.previous}
        told = event("input_audio_buffer.committed", item_id=item.id, **previous)
        kind = "conversation.item.created" if self._is_beta else "conversation.item.added"
        return [told, event(kind, item=_shown(item, None), **previous)]

    def _completed(self, item: Item) -> list[str]:
        if item.is_dropped:
            return []
        transcript = " ".join(item.texts)
        done = event(
            f"{_TRANSCRIPTION}.completed",
            item_id=item.id,
            content_index=0,
            transcript=transcript,
            usage={"type": "duration", "seconds": round(item.seconds, 3)},
        )
        if self._is_beta:
            return [done]
        shown = _shown(item, transcript)
        return [
            done,
            event("conversation.item.done", item=shown, previous_item_id=item.previous),
        ]


def _shown(item: Item, transcript: str | None) -> dict[str, object]:
    return {
        "id": item.id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": transcript}],
    }
