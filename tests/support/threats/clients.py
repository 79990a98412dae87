"""Threats by who speaks to the service: strangers, clients, pages, files, the network between."""

from __future__ import annotations

from typing import Final

from tests.support.threats.row import Accepted, Attacker, Threat

_GATEWAY: Final = "app/gateway"
_PROTOCOL: Final = f"{_GATEWAY}/server/protocol"
_GRPC: Final = f"{_GATEWAY}/grpc_front"
_IDENTITY: Final = f"{_GATEWAY}/identity"

STRANGER: Final = Attacker(
    who="somebody on the Internet, without credentials",
    entry="load balancer, 443 and 80: `/`, `/ws`, `/ws/transcribe`, every other WebSocket path, "
    "`/v1/realtime`, `/openai/v1/realtime`, `/nim/v1/realtime`, `/v1/listen`, `/deepgram/v1/listen`, "
    "`/v1/realtime/client_secrets`, `/openai/v1/realtime/client_secrets`, "
    "`/v1/realtime/transcription_sessions`, `/openai/v1/realtime/transcription_sessions`, "
    "`/nim/v1/realtime/transcription_sessions`, `/v1/auth/grant`, `/deepgram/v1/auth/grant`, "
    "`/transcribe/file`, `/v1/audio/transcriptions`, `/v1/audio/translations`, `/v1/models`, "
    "`/v1/models/{name:path}` and the same below `/openai` (`/openai/v1/audio/transcriptions`, "
    "`/openai/v1/audio/translations`, `/openai/v1/models`, `/openai/v1/models/{name:path}`), "
    "`/v1/tokens`, `/ui`, `/static`, `/healthz`, `/readyz`, `/health`, `/ws/status`",
    threats=(
        Threat(
            attempt="Use recognition without a token, or with a guessed, forged, expired or rotated-out one.",
            aims_at="M S",
            stopped_by="Every session and upload shows a credential before the upgrade; signatures are "
            "checked by the issuer's keys and the configured algorithms alone (`none`, HS for RS, `kid`, "
            "`jku` are nothing); digests are compared in constant time. A gateway beyond its own machine "
            "does not start without a way to know clients.",
            tests=(
                f"{_GATEWAY}/admission/test_access.py::test_a_missing_or_wrong_token_is_401_before_the_upgrade",
                f"{_IDENTITY}/test_verifier.py::test_each_claim_has_its_nearest_wrong_neighbour",
                "acceptance/strangers/test_strangers.py::test_what_is_forged_ended_early_for_others_or_revoked_is_refused_and_known_as_that",
                "acceptance/strangers/test_strangers.py::test_a_token_counts_where_its_kind_may_stand_and_nowhere_else",
                f"{_IDENTITY}/test_verifier.py::test_no_algorithm_but_the_configured_ones_counts",
                f"{_IDENTITY}/test_verifier.py::test_a_public_key_is_no_shared_secret",
                f"{_IDENTITY}/test_verifier.py::test_only_keys_of_the_issuer_count_whatever_a_header_offers",
                f"{_IDENTITY}/test_api_keys.py::test_what_is_nearly_a_key_is_refused",
                f"{_GATEWAY}/settings/test_anonymous.py::test_beyond_this_machine_somebody_must_say_who_may_connect",
            ),
        ),
        Threat(
            attempt="Crash a parser or make it hold memory: frames, requests, headers, tokens, forms.",
            aims_at="G",
            stopped_by="Bounds of bytes, time and frames on every layer, one memory budget over all "
            "connections; each parser is fuzzed (ADR 1331). Native decoders are bounded from outside.",
            tests=(
                "fuzz/test_fuzz.py::test_a_few_seconds_of_what_nobody_sane_sends_keep_every_promise",
                "fuzz/test_fuzz.py::test_a_planted_defect_is_found",
                f"{_PROTOCOL}/test_buffers.py::test_messages_that_do_not_end_hold_no_more_than_the_budget_whoever_sends_them",
                f"{_GATEWAY}/server/test_request_limits.py::test_a_head_is_as_long_as_it_may_be_and_no_byte_longer",
            ),
        ),
        Threat(
            attempt="Hold every connection: half requests, handshakes without an end, answers unread.",
            aims_at="G",
            stopped_by="A bounded table of connections in which who misses least is cut; deadlines of head, "
            "handshake, TLS and reading; a request that fails when it is begun delays no other.",
            tests=(
                f"{_PROTOCOL}/test_pipelines.py::test_when_the_table_is_full_who_does_not_read_goes_first",
                f"{_PROTOCOL}/test_handshakes.py::test_who_comes_with_a_handshake_that_cannot_be_read_is_answered_all_the_same",
                f"{_GATEWAY}/server/test_request_limits.py::test_half_a_head_is_cut_in_time",
                "abuse/test_abuse.py::test_what_one_client_does_is_refused_to_nobody_else",
            ),
        ),
        Threat(
            attempt="Learn what runs here: version, colour, load, reasons, metrics.",
            aims_at="E",
            stopped_by="Strangers are told a status and no more (ADR 1321); no answer names a server; "
            "metrics and drain have a listener of their own, which the load balancer does not reach.",
            tests=(
                f"{_GATEWAY}/server/test_disclosure.py::test_a_stranger_is_told_a_status_and_nothing_else",
                f"{_GATEWAY}/server/test_headers.py::test_no_answer_names_a_server_or_its_version",
                f"{_GATEWAY}/server/test_administration.py::test_the_public_listener_has_neither_metrics_nor_drain",
            ),
        ),
        Threat(
            attempt="Have two readers understand one request differently (smuggling), or reach machines "
            "past the load balancer.",
            aims_at="S K",
            stopped_by="The load balancer refuses ambiguous requests and drops invalid headers; one parser "
            "behind it, which refuses what ends in two ways; it takes bare line feeds, as RFC 9112 allows. Machines have no public address, and their group lets the "
            "load balancer in alone.",
            tests=(
                "infra/policies/test_stacks.py::test_a_stack_has_every_property_or_a_written_exemption",
                "infra/test_security.py::test_the_load_balancer_is_strict_and_over_two_zones",
                "infra/network/test_firewall.py::test_these_are_all_the_rules_there_are",
                f"{_GATEWAY}/server/test_request_limits.py::test_a_request_that_ends_in_two_ways_is_refused_and_nothing_behind_it_is_read",
                f"{_PROTOCOL}/test_pipelines.py::test_a_body_that_breaks_amid_its_request_is_refused_once_and_logs_no_failure",
            ),
        ),
        Threat(
            attempt="See an answer, a word or a sample of somebody else.",
            aims_at="S",
            stopped_by="Nothing is shared between connections but counters; a parser hands on bytes of its "
            "own input alone, and a decoder is given cleared memory.",
            tests=(
                "fuzz/test_fuzz.py::test_seeds_and_what_was_found_once_keep_every_promise",
                "app/recordings/test_truth.py::test_what_a_native_decoder_forgets_to_write_is_zero_and_nothing_that_lay_there",
                "app/recordings/test_truth.py::test_a_neighbours_sound_is_not_heard_after_it_was_read",
                f"{_PROTOCOL}/test_hostile.py::test_neighbours_keep_their_words_while_others_misbehave",
            ),
        ),
    ),
)

CALLER: Final = Attacker(
    who="somebody who reaches the gateway's gRPC port, where there is one (it is off by itself)",
    entry="`APP_GRPC_PORT`: `nvidia.riva.asr.RivaSpeechRecognition`, `grpc.health.v1.Health`",
    threats=(
        Threat(
            attempt="Use recognition without a token, or beyond what a token allows.",
            aims_at="M S",
            stopped_by="The same access, scopes, models, shares and revocation as over a WebSocket: a call is judged as "
            "the HTTP/2 request that it is. No byte of a message is waited for before. gRPC does not hand on the "
            "name that was called, so hosts are not checked there; pages are, by their origin.",
            tests=(
                f"{_GRPC}/test_access.py::test_a_stream_is_for_who_shows_a_token",
                f"{_GRPC}/test_access.py::test_a_stranger_is_refused_before_a_byte_of_a_message_is_waited_for",
                f"{_GRPC}/test_access.py::test_a_page_of_another_site_is_refused_by_its_origin",
                f"{_GRPC}/test_access.py::test_a_client_has_its_share_and_others_theirs",
                f"{_GRPC}/test_access.py::test_a_stream_whose_token_is_revoked_ends_with_its_finals",
            ),
        ),
        Threat(
            attempt="Crash the service with messages, or hold it: no message, endless ones, answers unread, health checks "
            "that never say their name.",
            aims_at="G",
            stopped_by="Bounds of bytes, time and calls; every message is parsed by us and answered in words. A client that "
            "does not read loses its session and keeps one of its own connections. Left: each call that was let in may "
            "hold one message of `APP_GRPC_MAX_MESSAGE_MB`; connections are bounded in number, and who holds them all "
            "without a call keeps others out until they are idle for `APP_KEEP_ALIVE_S`: the port is for networks that "
            "are known.",
            tests=(
                f"{_GRPC}/test_hostile.py::test_no_stream_of_messages_does_more_than_end",
                f"{_GRPC}/test_hostile.py::test_no_recording_does_more_than_be_refused",
                f"{_GRPC}/test_hostile.py::test_a_neighbour_hears_nothing_of_clients_that_send_configurations_without_end",
                f"{_GRPC}/test_endings.py::test_a_client_that_does_not_read_loses_its_session_and_no_other",
                f"{_GRPC}/test_single_answers.py::test_a_health_check_that_never_says_its_name_is_not_waited_for_beside_others",
            ),
        ),
    ),
)

THIEF: Final = Attacker(
    who="somebody with a client's stolen token, API key or resume token",
    entry="load balancer: the same routes",
    threats=(
        Threat(
            attempt="Use it for as long as it is good.",
            aims_at="M S",
            stopped_by="Keys and tokens end; a revocation reaches every gateway in seconds and ends what "
            "runs. Limits are the client's, so a thief uses up its victim's share and no other. Who notices "
            "and revokes is a person.",
            tests=(
                f"{_IDENTITY}/test_api_keys.py::test_a_key_is_good_for_its_time_unless_it_is_revoked",
                f"{_GATEWAY}/test_access_list.py::test_a_key_that_is_revoked_ends_its_session_once_that_is_finalised_and_no_other",
                f"{_GATEWAY}/test_access_list.py::test_tokens_of_the_issuer_are_revoked_by_their_name_and_by_their_client",
                f"{_GATEWAY}/admission/test_quotas.py::test_what_one_token_of_a_client_spent_is_spent_for_its_others",
            ),
        ),
        Threat(
            attempt="Do with it what its owner may not: files with a key for streams, an admin's view.",
            aims_at="C E",
            stopped_by="Scopes are checked on each route.",
            tests=(
                f"{_GATEWAY}/admission/test_policy.py::test_a_scope_that_is_missing_is_403_and_names_itself",
                f"{_IDENTITY}/test_with_a_gateway.py::test_an_upload_needs_a_scope_of_its_own",
                f"{_GATEWAY}/server/test_disclosure.py::test_an_issuers_token_shows_them_by_its_scope",
            ),
        ),
        Threat(
            attempt="Use a browser's single-use token again, later, or in place of another kind.",
            aims_at="M",
            stopped_by="It is signed, short, and good once at each gateway, for that client, its limits and models. Whoever "
            "reads it inside TLS can use it once more at each other gateway and at one that was started since, within its "
            "life: a minute, where no more was asked for, and ten at most (ADR 0324).",
            accepted=Accepted(owner="security reviewer"),
            tests=(
                "acceptance/strangers/test_requests.py::test_a_single_use_token_lets_in_one_of_many_that_show_it_at_once",
                f"{_IDENTITY}/test_single_use_sessions.py::test_a_token_of_one_gateway_opens_one_session_at_another_and_is_in_no_log",
                f"{_IDENTITY}/test_single_use.py::test_it_lets_in_once_at_each_gateway",
                f"{_IDENTITY}/test_single_use.py::test_it_is_good_to_its_end_and_not_a_moment_longer",
                f"{_IDENTITY}/test_single_use.py::test_neither_kind_of_token_stands_for_the_other",
            ),
        ),
        Threat(
            attempt="Go on with somebody's session by its resume token.",
            aims_at="S",
            stopped_by="A resume token is signed, ages, and is its client's alone; words that were said "
            "before are in no token and are not sent again.",
            tests=(
                f"{_GATEWAY}/session/test_resume.py::test_the_token_of_a_client_with_another_bearer_token_is_refused_and_ends_nobody",
                f"{_GATEWAY}/test_resume_tokens.py::test_a_damaged_token_is_refused_or_says_the_same",
                f"{_GATEWAY}/test_resume_tokens.py::test_a_token_is_good_for_its_window_and_not_longer",
            ),
        ),
    ),
)

PAGE: Final = Attacker(
    who="a malicious page in the browser of somebody who may use the service",
    entry="WebSocket and fetch, from another origin; a name of its own that resolves to a gateway",
    threats=(
        Threat(
            attempt="Open a session in the reader's name (cross-site WebSocket hijacking).",
            aims_at="S M",
            stopped_by="No cookie lets anybody in; Origin is compared whole, with the list or the gateway's "
            "own page, for sessions and uploads.",
            tests=(
                f"{_GATEWAY}/admission/test_access.py::test_only_listed_origins_and_the_gateways_own_page_may_connect",
                "acceptance/strangers/test_requests.py::test_a_page_is_known_by_its_whole_origin",
                f"{_GATEWAY}/admission/test_policy.py::test_a_page_may_connect_that_is_listed_or_our_own",
                "ops/local/test_up.py::test_a_web_page_of_another_origin_gets_nothing_at_any_port",
            ),
        ),
        Threat(
            attempt="Have a name of its own resolve to a gateway behind the reader's firewall (DNS rebinding).",
            aims_at="S C",
            stopped_by="Host names a host of ours on every route, WebSocket or not.",
            tests=(
                f"{_GATEWAY}/admission/test_hosts.py::test_a_strangers_host_is_421_on_every_route",
                f"{_GATEWAY}/admission/test_hosts.py::test_host_and_origin_are_judged_apart_before_the_upgrade",
            ),
        ),
        Threat(
            attempt="Put script into our page, or our page into a frame, to take the key that is typed there.",
            aims_at="K",
            stopped_by="A policy without inline script and without frames; the key is in no storage, no "
            "address and no connection: it is exchanged for single-use tokens.",
            tests=(
                f"{_GATEWAY}/server/test_headers.py::test_the_pages_policy_lets_nothing_inline_in_and_nobody_frame_it",
                "app/web/test_page_signs_in.py::test_a_key_is_exchanged_for_each_connection_and_written_nowhere",
            ),
        ),
    ),
)

CLIENT: Final = Attacker(
    who="a client that pays, and wants more than its share",
    entry="its own sessions and uploads",
    threats=(
        Threat(
            attempt="Take every session, place in the queue or upload.",
            aims_at="G M",
            stopped_by="Shares by client of sessions, starts, uploads, disk and audio; waiting is in turns.",
            tests=(
                f"{_GATEWAY}/admission/test_waiting_room.py::test_one_client_cannot_have_what_another_one_needs",
                f"{_GATEWAY}/uploads/test_reception.py::test_one_clients_uploads_leave_places_to_others",
                "abuse/test_abuse.py::test_what_one_client_does_is_refused_to_nobody_else",
            ),
        ),
        Threat(
            attempt="Send audio faster than it is spoken, floods of frames, or read nothing.",
            aims_at="G",
            stopped_by="Backpressure to the socket, a rate for frames that are no audio, a deadline for "
            "who does not read.",
            tests=(
                f"{_GATEWAY}/session/test_limits.py::test_audio_far_faster_than_real_time_is_slowed_down_not_refused",
                f"{_GATEWAY}/session/test_limits.py::test_a_client_that_does_not_read_is_cut_and_hears_why_if_it_reads_again",
                f"{_PROTOCOL}/test_frame_budget.py::test_a_flood_of_pings_is_answered_at_its_rate_and_its_session_goes_on",
            ),
        ),
        Threat(
            attempt="Claim another client's address behind the load balancer.",
            aims_at="G",
            stopped_by="A forwarded address counts only from a trusted proxy, its last one.",
            tests=(
                f"{_GATEWAY}/admission/test_waiting_room.py::test_a_forwarded_address_counts_only_from_a_trusted_proxy",
            ),
        ),
    ),
)

FILE: Final = Attacker(
    who="whoever makes a file that somebody uploads",
    entry="`/transcribe/file`, `/v1/audio/transcriptions`; containers in a stream",
    threats=(
        Threat(
            attempt="Make a decoder take hours, gigabytes, or bytes that are not in the file.",
            aims_at="G S",
            stopped_by="Bounds on bytes and seconds as they are decoded, whatever a header says.",
            tests=(
                "app/recordings/test_anything.py::test_a_header_that_promises_everything_takes_little_memory",
                "app/recordings/test_anything.py::test_a_small_file_that_holds_hours_of_silence_is_refused_at_the_limit",
                "app/recordings/test_ways.py::test_a_header_that_promises_more_brings_nobody_elses_sound_by_any_way",
            ),
        ),
        Threat(
            attempt="Have ffmpeg read a file of the machine or ask an address (playlists, SSRF).",
            aims_at="K",
            stopped_by="It is not run unless AUDIO_FFMPEG is set. Then it opens nothing but its pipes, is "
            "told which container to expect, inherits no setting, and has bounds on memory and "
            "processor time; the unit has no way to the metadata service.",
            tests=(
                "app/gateway/uploads/test_recordings.py::test_ffmpeg_is_given_strangers_recordings_only_where_that_is_set",
                "app/recordings/decoders/test_ffmpeg.py::test_a_playlist_in_disguise_opens_no_other_file",
                "app/recordings/decoders/test_program.py::test_the_program_has_bounds_on_memory_and_time",
                "infra/test_security.py::test_instance_metadata_wants_a_token_and_stays_on_the_host",
            ),
        ),
    ),
)

NETWORK: Final = Attacker(
    who="somebody who reads or changes packets inside the VPC or on the way to recognisers",
    entry="load balancer to gateway; gateway to recogniser; gateway to the issuer and to collectors",
    threats=(
        Threat(
            attempt="Read or change what is between load balancer and gateway.",
            aims_at="S K",
            stopped_by="TLS with a certificate of the environment's own authority, rotated without a "
            "restart. The load balancer does not check that certificate: who can answer in a machine's "
            "place inside the private subnets would be believed.",
            tests=(
                f"{_GATEWAY}/server/test_tls.py::test_a_new_certificate_is_shown_to_new_handshakes_and_running_connections_stay",
                "infra/test_identity.py::test_gateways_begin_with_a_certificate_whose_authority_signs_nothing_more",
                "infra/policies/test_stacks.py::test_a_stack_has_every_property_or_a_written_exemption",
            ),
        ),
        Threat(
            attempt="Stand in a recogniser's place, or listen on the way to it.",
            aims_at="S K",
            stopped_by="TLS, mutual TLS or an API key by configuration, with the recogniser's authority; "
            "plaintext is not spoken where TLS was asked for, and no API key goes in clear.",
            tests=(
                "app/asr/wire/test_tls.py::test_a_certificate_of_another_authority_is_refused_without_further_tries",
                "app/asr/wire/test_tls.py::test_a_recogniser_that_is_not_as_secure_as_was_asked_for_is_not_spoken_to",
                "app/asr/test_settings.py::test_a_file_of_the_key_has_one_beside_no_other_and_nobody_overhears_it",
            ),
        ),
        Threat(
            attempt="Answer as the issuer, with keys of its own.",
            aims_at="M",
            stopped_by="The issuer's address is believed by its certificate; redirects are not followed.",
            tests=(
                f"{_IDENTITY}/test_keys.py::test_an_address_is_believed_by_its_certificate_and_no_redirect_is_followed",
            ),
        ),
        Threat(
            attempt="Be a recogniser that answers without end or with what is no number.",
            aims_at="G",
            stopped_by="Bounds on every answer; who breaks them is left for another recogniser.",
            tests=(
                "app/asr/wire/test_answers.py::test_a_recogniser_that_says_too_much_is_left_and_the_words_come_from_another",
                "app/asr/wire/test_answers.py::test_a_neighbour_on_the_same_connection_hears_every_word",
            ),
        ),
    ),
)

CLIENTS: Final = (STRANGER, CALLER, THIEF, PAGE, CLIENT, FILE, NETWORK)
