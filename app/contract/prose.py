"""What docs/contract.md says in sentences; `docs` adds the tables of messages and codes."""

from typing import Final

from ..recordings import ACCEPTED
from . import limits

INTRODUCTION: Final = f"""\
<!-- Written by `python -m tests.docs --write` from app/contract. Do not edit. -->

# The contract

How a program speaks to a gateway: audio and control messages up, text down, over one WebSocket.
`contract.schema.json` beside this page has every message as JSON Schema.

## Rules

* Two dialects. **B** is spoken at `{limits.PATH_B}`, **A** at `/` and every other WebSocket path
  but those where recordings are posted, models are listed and secrets are made (below, HTTP): a
  WebSocket there is 404 `not_found`. `/v1/realtime`, `/openai/v1/realtime` and `/nim/v1/realtime`
  are for clients of OpenAI's realtime API and of NVIDIA's NIM (`clients/openai-realtime.md`,
  `clients/nim.md`), whose messages this page does not have.
* A binary message is audio, always. A text message is one JSON object with a `type`.
* Audio is samples without a header. What is beyond doubt something else (a container, JSON or
  base64 as binary, audio inside text) is never taken for samples: the warning `not_samples` says
  once what it seems to be. A container that begins a session is decoded as it comes, where it is
  one that files may have ({ACCEPTED}) or, where `AUDIO_FFMPEG` lets ffmpeg do so, WebM, MP4 or AAC
  as browsers record them; such a session cannot be resumed. The rest is left out.
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

Clients of OpenAI's API post to `/v1/audio/transcriptions` instead, those of Deepgram's the file
itself to `/v1/listen`, under the same rules and limits; `clients/openai.md` and
`clients/deepgram.md` have what they may ask for. Which other services' clients an environment
answers is the operator's choice (`APP_DIALECTS`).

## Who may connect

Where the operator asks for it, WebSockets and uploads need one of these. A bearer token of a list:
as `Authorization: Bearer TOKEN`, or as the subprotocols `perch` and `bearer.TOKEN` (a browser can
do no other; `perch` is selected), and not in the address, as those end up in others' logs. An API
key (`perch_`, its id, `_` and 49 letters and digits), or where the operator set an issuer of
tokens a JSON Web Token of it: in the same places; its scopes have `stream` for sessions and `file`
for uploads. It is looked at when a connection or an upload begins: a session that runs is not cut
when it expires, and one that is resumed shows one that is good then. One that is revoked ends what
it began: a running session is finalised, then come `unauthorized` and close 1008; connecting again
by it is 401. Where the operator set origins, a
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
  of the ways above, or as `?token=TOKEN`: used up, it may stand in an address. It has the client,
  limits and models of what it was made for, and dies with it where that is revoked. No other token
  is made for it.
* It is used up by the first gateway that knows it, also where that then refuses the connection for
  want of room: ask for a new one for each try. A gateway remembers what it let in; another one does
  not know of it, so until its end a stolen one may be used once at each.
* A session that such a token began is resumed without a second one, where the hello has
  `as_bearer`: the newest resume token stands in its place as the bearer token of the new
  connection, which goes on with that session and does nothing else.
"""

HTTP: Final = f"""\
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
| `POST /v1/audio/transcriptions` | OpenAI's shape, as an error has it too: `clients/openai.md`; \
also below `/openai/v1`, as the next two |
| `POST /v1/realtime/client_secrets`, `POST /v1/realtime/transcription_sessions` | a single-use \
token in the shape of OpenAI's API, or of a NIM: `clients/openai-realtime.md`, `clients/nim.md`; \
also below `/openai/v1`, the second below `/nim/v1` |
| `POST /v1/listen`, `POST /v1/auth/grant` | words of the file that is the body, and a single-use \
token, in Deepgram's shape: `clients/deepgram.md`; also below `/deepgram`. A WebSocket at the \
first speaks Deepgram's live transcription, and dialect A no longer |
| `POST /v1/audio/translations` | 400: translation is not offered |
| `GET /v1/models`, `GET /v1/models/ID` | what is served, in OpenAI's shape |
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
