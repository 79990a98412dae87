"""Writes docs/contract.md and docs/contract.schema.json from the message types."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from ..recordings import ACCEPTED
from . import dialect_a as a
from . import dialect_b as b
from . import limits
from .codes import CLOSE_MEANINGS, WARNINGS, ErrorCode
from .errors import ERRORS
from .fields import ErrorBody, Finalize, Finalized, Heartbeat, Queued, ServerMessage
from .tokens import TokenAnswer, TokenRequest

_CLIENT_A: Final = (
    a.StartTranscription,
    Finalize,
    a.StopTranscription,
    a.Ping,
    a.GetMetrics,
)
_SERVER_A: Final = (
    a.Connection,
    a.SessionStarted,
    a.Partial,
    a.Transcription,
    a.SessionStopped,
    a.Pong,
    a.Metrics,
    a.ErrorA,
    a.WarningA,
    Heartbeat,
    Finalized,
    Queued,
)
_CLIENT_B: Final = (
    b.StartRecording,
    Finalize,
    b.StopRecording,
    b.Configure,
    b.PingB,
    b.End,
    b.Config,
)
_SERVER_B: Final = (
    b.ConnectionB,
    b.RecordingStarted,
    b.Configured,
    b.PartialB,
    b.TranscriptionB,
    b.RecordingStopped,
    b.PongB,
    b.ErrorB,
    b.WarningB,
    Heartbeat,
    Finalized,
    Queued,
)

_HTTP_ONLY: Final = frozenset(
    {
        ErrorCode.FORBIDDEN_ORIGIN,
        ErrorCode.INSUFFICIENT_SCOPE,
        ErrorCode.IDENTITY_UNAVAILABLE,
        ErrorCode.TOO_MANY_CONNECTIONS,
        ErrorCode.BAD_REQUEST,
        ErrorCode.NOT_FOUND,
        ErrorCode.METHOD_NOT_ALLOWED,
        ErrorCode.UPLOAD_TOO_BIG,
        ErrorCode.UNSUPPORTED_AUDIO,
        ErrorCode.UPLOAD_TOO_SLOW,
        ErrorCode.TOO_MANY_UPLOADS,
        ErrorCode.TOO_MANY_CLIENT_UPLOADS,
        ErrorCode.TOO_MANY_TOKENS,
    }
)

_INTRODUCTION: Final = f"""\
<!-- Written by `python -m tests.docs --write` from app/contract. Do not edit. -->

# The contract

How a program speaks to a gateway: audio and control messages up, text down, over one WebSocket.
`contract.schema.json` beside this page has every message as JSON Schema.

## Rules

* Two dialects. **B** is spoken at `{limits.PATH_B}`, **A** at `/` and every other WebSocket path.
* A binary message is audio, always. A text message is one JSON object with a `type`.
* Audio is samples without a header. What is beyond doubt something else (a container, JSON or
  base64 as binary, audio inside text) is never taken for samples: the warning `not_samples` says
  once what it seems to be. A container that begins a session is decoded as it comes, where it is
  one that files may have ({ACCEPTED}) or, with `ffmpeg` beside the gateway, WebM, MP4 or AAC as
  browsers record them; such a session cannot be resumed. The rest is left out.
* Unknown keys are ignored, by the gateway and, so that the contract can grow, by clients; clients
  also ignore message types they do not know. A known key with a wrong value is an error that names
  the key, the value and what is accepted.
* Stamps (`timestamp`) are UTC with offset. Times within audio are seconds. What the recogniser did
  not say is null.
* Audio: `pcm16` or `float32`, little-endian, {limits.MIN_SAMPLE_RATE_HZ} to
  {limits.MAX_SAMPLE_RATE_HZ} Hz, one channel, or two interleaved ones that are averaged. A message
  may have any length up to the limit in the hello, and may end anywhere, even inside a sample.
* The gateway does not drop audio. When the recogniser is slower than the audio, the gateway stops
  reading the socket and TCP holds the client back; far faster than real time it slows the client
  down in the same way.
* A stop ends the audio. Every result still owed comes before `session_stopped` or
  `recording_stopped`. Audio that was under way when the stop was answered is ignored for {{late:g}}
  s; any other audio outside a session is an error, told once until the next start.
* After that a new session may be started on the same connection. Segments count from 0 in each.
* Before every abnormal close comes an `error` message. `code` is for programs, `error` for people;
  `retryable` says whether the same request may succeed later unchanged, `retry_after` after how
  many seconds. A client that does not read may miss it.
* Refusals before the upgrade are HTTP answers with the same four keys, and `Retry-After`.

## Not losing a word

* A start with `resumable` brings `resume` (a position and a token) in finals and heartbeats. Audio
  before the newest position that was *received* may be forgotten; audio from there on is kept.
* When the connection breaks, or a warning `going_away` comes, connect again, to the same address:
  any gateway of the environment can go on. The start repeats the options of the first one and has
  the newest token in `resume`. `session_started` or `recording_started` says in `resumed` where the
  audio goes on; from there it may come faster than it was spoken. Times and `segment_id` go on, and
  no final comes twice. Before the first `resume`, the token of the hello does that came on the
  session's first connection, from position 0; a later hello's token begins anew.
* Send from the sample nearest to the position: `round(position * sample_rate)` times channels times
  bytes a sample. A `resume` that is null changes nothing: the one before it is the newest.
* Only audio and options go on. A `finalize` or stop without its answer is sent again, where it was
  in the audio. What still comes on the old connection after the new start is ignored: its audio is
  heard on the new one. The old one may stay open until then, and takes a session of its own.
* A token is good for `window_s` of the hello, from its sending; heartbeats renew it. A token that
  is not taken is `resume_rejected`, and the connection stays open.
* `audio_received` of a heartbeat tells a client how much of what it sent has not arrived yet.
* `finalize` makes final what was sent so far, and the session goes on; a stop ends it.
* All sessions in use: an address with `?wait=SECONDS` ({limits.MIN_WAIT_S:g} to
  {limits.MAX_WAIT_S:g}) is let in as long as the waiting room has a place; its start is answered
  with `queued` until its turn. Resumed sessions go first.
* Where words cannot be saved, `lost` of an error says which audio they were in.

## Files

`POST /transcribe/file` takes one recording as the field `file` of a form (`multipart/form-data`)
and answers with its words once all of it was heard. An upload takes a session only when it has
arrived, and waits for one. It has to come at a least rate: one that falls behind is answered 408,
and its connection closed. Who hangs up ends the work.

## Who may connect

Where the operator asks for it, WebSockets and uploads need one of these. A bearer token of a list:
as `Authorization: Bearer TOKEN`, or as the subprotocols `perch` and `bearer.TOKEN` (a browser can
do no other; `perch` is selected), or as `?token=TOKEN`, the last resort, as addresses end up in
others' logs. An API key (`perch_`, its id, `_` and 49 letters and digits), or where the operator
set an issuer of tokens a JSON Web Token of it: in the same places but the address; its scopes have
`stream` for sessions and `file` for uploads. It is looked at when a connection or an upload
begins: a session that runs is not cut when it expires, and one that is resumed shows one that is
good then. One that is revoked ends what it began: a running session is finalised, then come
`unauthorized` and close 1008; connecting again by it is 401. Where the operator set origins, a
browser page must come from one of them or from the gateway itself.

A token or key may have limits of its own: so many sessions at once, so many new ones a minute, and
models, which then are all that it may ask for. A start that names none asks for the configured one.
In a JSON Web Token they are the claim `perch_limits`, an object with `sessions` and
`new_per_minute`, whole numbers from 1 to 1000000, and `models`, a list of 1 to 100 names; whatever
else is in it refuses the token, for it may be a limit that is misspelt.

## Single-use tokens

What is kept does not belong into a page. A server of yours, or a page whose reader has a key,
exchanges it: `POST {limits.PATH_TOKENS}` with the kept token or key as `Authorization: Bearer`, and
nothing or a JSON object of the keys below as `application/json`, at most
{limits.MAX_TOKEN_REQUEST_BYTES} bytes. The answer is not to be kept (`Cache-Control: no-store`).

* The token is good for one WebSocket or upload, at any gateway of the environment, and shown in any
  of the ways above; used up, it may stand in an address. It has the client, limits and models of
  what it was made for, and dies with it where that is revoked. No other token is made for it.
* It is used up by the first gateway that knows it, also where that then refuses the connection for
  want of room: ask for a new one for each try. A gateway remembers what it let in; another one does
  not know of it, so until its end a stolen one may be used once at each.
* A session that such a token began is resumed without a second one, where the hello has
  `as_bearer`: the newest resume token stands in its place as the bearer token of the new
  connection, which goes on with that session and does nothing else.
"""

_HTTP: Final = f"""\
## HTTP

| Route | Answer |
|---|---|
| `GET /healthz` | 200 while the process lives: `status`; details: `version`, and `colour` \
(`blue`, `green`, or null where nobody said which it is) |
| `GET /readyz` | 200 when a session can be taken now, else 503: `ready`. \
`?ignore=capacity` leaves out that all places are taken, and while recognition is off or on the \
fallback the recogniser, for health checks that replace machines. Details: `reasons` for a 503, \
`version`, `colour`, `sessions`, `slots`, \
`free_sessions`, `waiting`, `connections`, `draining`, `recognition` (`on`, `off` or `fallback`), \
`groups`: of each group of recognisers `name`, `languages`, `models`, `ready`, `reason`, \
`sessions`, `slots`, `waiting`, where the answer as a whole is that of the group `default`, \
and `endpoints`: each recogniser's `name`, `group`, `route` (`primary` or `fallback`), `ready`, \
`streams`, `slots`, `consecutive_errors`, `ejected_for` (s), `ejections` |
| `POST /transcribe/file` | multipart field `file` with {ACCEPTED}, in the language of \
`?language=` where one is named: `status`, \
`filename`, `transcript`, `confidence`, `duration` (seconds that were read, whatever the header \
says), `service`, `timestamp`, `words`, `warnings` (sentences, mostly none: that the file ends \
before its header says, for one); an error has the four error keys, `status` and `message` |
| `POST {limits.PATH_TOKENS}` | a single-use token: see above |
| `GET /` | the page for browsers, else `service`, `status`, `riva_host`, `features`; details: \
`version` |
| `GET /health` | `status` (`healthy`, or `unhealthy` with 503), `service`, `riva_host`, \
`timestamp`; details: `reasons` |
| `GET /ws/status` | `websocket_endpoint`, `protocol`, `status`, `token_required` (whether a token \
or key has to be shown); details: `active_connections` |
| `GET /ui`, `/static/` | the demo page |
| `GET /ws`, `GET /ws/transcribe` | 426 `upgrade_required` with `Upgrade: websocket`: these are \
WebSocket paths, and a proxy that drops the header `Upgrade` is the usual reason to see this |

Details are for who shows a token with the scope `admin`, which a token of the operator's list \
has, in `Authorization: Bearer`, and for programs of the gateway's own machine or of \
`APP_DETAILS_NETWORKS` that ask for themselves: no proxy and no browser page between. Where no \
token is asked for they are for everybody. Whoever else asks gets the same status without them, \
whatever token is shown.

On the administrative listener (`APP_ADMIN_PORT`; none unless it is set), and nowhere else:

| Route | Answer |
|---|---|
| `GET /metrics` | Prometheus text, at most a second old; `metrics.md` lists the names |
| `GET /healthz`, `GET /readyz` | as above, with the details |
| `POST /drain` | 202 with `draining`, and in seconds `finalise_in` and `cut_in`: the gateway \
drains as after SIGTERM. Only from the same machine and not through a proxy or a browser; else 404 |

A slash at the end of a path makes no difference, and nothing redirects to another scheme or host. \
What is no proper request, or no proper handshake, gets 400 `bad_request` or 431 \
`headers_too_large` with the four error keys, and the connection is closed.
"""


def contract_page(late_audio_s: float) -> str:
    """Return docs/contract.md.

    Args:
        late_audio_s: For how long audio is still expected after a session.
    """
    return "\n".join(
        [
            _INTRODUCTION.replace("{late:g}", f"{late_audio_s:g}"),
            *_model(TokenRequest),
            *_model(TokenAnswer),
            *_dialect("Dialect A", _CLIENT_A, _SERVER_A),
            *_dialect("Dialect B", _CLIENT_B, _SERVER_B),
            "## Objects inside messages\n",
            *(line for model in _inner_models() for line in _model(model)),
            *_errors(),
            *_warnings(),
            *_close_codes(),
            _HTTP,
        ]
    )


def contract_schema() -> str:
    """Return docs/contract.schema.json."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "client_a": TypeAdapter(a.ClientMessageA),
        "server_a": TypeAdapter(a.ServerMessageA),
        "client_b": TypeAdapter(b.ClientMessageB),
        "server_b": TypeAdapter(b.ServerMessageB),
        "http_error": TypeAdapter(ErrorBody),
        "token_request": TypeAdapter(TokenRequest),
        "token_answer": TypeAdapter(TokenAnswer),
    }
    named, shared = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in adapters.items()],
        title="Perch wire contract",
    )
    schemas = {name: schema for (name, _), schema in named.items()}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **shared,
        "$defs": {**shared["$defs"], **schemas},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _dialect(
    title: str, client: Sequence[type[BaseModel]], server: Sequence[type[BaseModel]]
) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"### {title}: what a client sends\n"
    for model in client:
        yield from _model(model)
    yield f"### {title}: what the gateway sends\n"
    for model in server:
        yield from _model(model)


def _model(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    properties: dict[str, dict[str, Any]] = schema["properties"]
    kind = properties.get("type", {}).get("const")
    yield f"#### `{kind or model.__name__}`\n"
    yield f"{inspect.cleandoc(model.__doc__ or '')}\n"
    rows = [(name, field) for name, field in properties.items() if name != "type"]
    if not rows:
        return
    from_client = not issubclass(model, ServerMessage)
    yield "| Key | Type | Default | Meaning |" if from_client else "| Key | Type | Meaning |"
    yield "|---|---|---|---|" if from_client else "|---|---|---|"
    for name, field in rows:
        meaning = _meaning(field)
        default = f" {_default(field)} |" if from_client else ""
        yield f"| `{name}` | {_type(field)} |{default} {meaning} |"
    yield ""


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(member) for member in field["anyOf"]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    return str(field.get("type", "any"))


def _default(field: Mapping[str, Any]) -> str:
    if field.get("type") == "array" and "default" not in field:
        return "`[]`"
    value = field.get("default")
    return "absent" if value is None else f"`{json.dumps(value)}`"


def _meaning(field: Mapping[str, Any]) -> str:
    members = (field, *field.get("anyOf", ()))
    description = next((m["description"] for m in members if "description" in m), "")
    accepted = next((m["accepted"] for m in members if "accepted" in m), None)
    if accepted is None:
        return str(description)
    return f"{description} Accepted: {accepted}.".strip()


def _inner_models() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for model in (*_CLIENT_A, *_SERVER_A, *_CLIENT_B, *_SERVER_B):
        for name in model.model_json_schema().get("$defs", {}):
            found[name] = _by_name(name)
    return [found[name] for name in sorted(found)]


def _by_name(name: str) -> type[BaseModel]:
    pending: list[type[BaseModel]] = [BaseModel]
    while pending:
        for child in pending.pop().__subclasses__():
            if child.__name__ == name and child.__module__.startswith("app.contract."):
                return child
            pending.append(child)
    raise LookupError(name)


def _errors() -> Iterator[str]:
    yield "## Error codes\n"
    yield "| `code` | `error` | When | Retryable | Close | HTTP | Retry after |"
    yield "|---|---|---|---|---|---|---|"
    for code, spec in ERRORS.items():
        close = "stays open" if spec.close_code is None else str(int(spec.close_code))
        if code in _HTTP_ONLY:
            close = "-"
        wait = "-" if spec.retry_after_s is None else f"{spec.retry_after_s:g} s"
        yield (
            f"| `{code.value}` | {spec.sentence} | {spec.when} | "
            f"{'yes' if spec.retryable else 'no'} | {close} | {spec.http_status or '-'} | {wait} |"
        )
    yield (
        "\nErrors of the recogniser (`asr_failed`, `asr_overloaded`) carry the recogniser's own "
        "answer to whether a retry may help.\n"
    )


def _warnings() -> Iterator[str]:
    yield "## Warning codes\n"
    yield "| `code` | `warning` |"
    yield "|---|---|"
    for code, sentence in WARNINGS.items():
        yield f"| `{code.value}` | {sentence} |"
    yield ""


def _close_codes() -> Iterator[str]:
    yield "## Close codes\n"
    yield "| Code | Meaning |"
    yield "|---|---|"
    for code, meaning in CLOSE_MEANINGS.items():
        yield f"| {int(code)} | {meaning} |"
    yield ""
