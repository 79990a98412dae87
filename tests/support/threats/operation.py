"""Threats by who is near the machines, the account or the repository."""

from __future__ import annotations

from typing import Final

from tests.support.threats.row import Accepted, Attacker, Threat

NEIGHBOUR: Final = Attacker(
    who="another user or container on the same machine",
    entry="loopback: the administrative listener, the recogniser's ports, the exporter; on a "
    "developer's machine the ports of the table below",
    threats=(
        Threat(
            attempt="Find something open that nobody listed, or open to the network.",
            aims_at="C S",
            stopped_by="What listens is listed, on loopback alone; read from the kernel and tried by connecting.",
            tests=(
                "acceptance/leaks/test_stack.py::test_only_what_the_table_of_ports_lists_is_open_and_on_loopback_alone",
                "acceptance/leaks/test_stack.py::test_the_scan_sees_a_socket_that_is_open_to_everybody",
                "infra/test_security.py::test_riva_is_reachable_from_nowhere",
            ),
        ),
        Threat(
            attempt="Drain a gateway from elsewhere, or by way of a page or a proxy.",
            aims_at="G",
            stopped_by="Drain is for programs of this machine: a peer that is not loopback, a forwarded "
            "request and a page's get 404. Another user of the machine may drain (ADR 0308).",
            accepted=Accepted(owner="platform engineer"),
            tests=(
                "app/gateway/server/test_administration.py::test_only_this_machine_may_drain",
                "app/gateway/server/test_administration.py::test_who_asks_for_somebody_else_finds_no_drain",
            ),
        ),
        Threat(
            attempt="Ask the recogniser past its gateway, or stand in its place.",
            aims_at="S C",
            stopped_by="Who is on the machine's loopback may ask it, as accepted (ADR 1302), unless the colour "
            "has `recogniser_tls`: then gRPC with TLS is its only port, with mtls for the gateway alone, and one "
            "that answers in clear ends the boot (ADR 1304).",
            tests=(
                "infra/boot/test_recogniser_tls.py::test_a_recogniser_that_shows_another_certificate_is_not_taken_for_the_own",
                "infra/boot/test_recogniser_tls.py::test_a_recogniser_that_was_told_to_speak_tls_and_answers_in_clear_ends_the_boot_at_once",
                "infra/boot/test_machine_tls.py::test_the_recogniser_answers_its_gateways_certificate_and_neither_none_nor_clear_text",
            ),
        ),
        Threat(
            attempt="Speak to the simulated AWS of a developer's stack.",
            aims_at="C",
            stopped_by="Each request is signed by a key of the run, in a file of mode 0600; browsers are refused.",
            tests=(
                "ops/offline/simulator/test_server.py::test_what_is_not_signed_is_refused",
                "ops/offline/simulator/test_server.py::test_a_web_page_is_refused_even_with_the_access_key",
            ),
        ),
    ),
)

BROKEN_IN: Final = Attacker(
    who="somebody who runs code in a gateway's or recogniser's container",
    entry="the container: file system, kernel, metadata service, AWS by the machine's role",
    threats=(
        Threat(
            attempt="Become the machine: privileges, other files, other units.",
            aims_at="K C",
            stopped_by="Images run as nobody, with no capability and a read-only root; every unit is in a "
            "systemd sandbox with a recorded score, and finds secrets in memory where it needs them alone.",
            tests=(
                "infra/boot/test_sandbox.py::test_secrets_are_out_of_sight_of_every_unit_that_needs_none",
                "app/test_dockerfile.py::test_runs_as_somebody_who_is_not_root",
                "infra/boot/test_user_data.py::test_the_gateway_runs_with_little_power",
                "infra/boot/test_sandbox.py::test_no_unit_is_more_exposed_than_the_page_says",
            ),
        ),
        Threat(
            attempt="Take the machine's role from the metadata service.",
            aims_at="K M",
            stopped_by="A session token is wanted, and the answer's hop limit of 1 ends before a container.",
            tests=(
                "infra/test_security.py::test_instance_metadata_wants_a_token_and_stays_on_the_host",
                "infra/test_security.py::test_tags_are_no_paths_of_instance_metadata",
            ),
        ),
        Threat(
            attempt="With a machine's role: read other secrets, raise its rights, sign certificates.",
            aims_at="K C",
            stopped_by="The role reads named secrets, by named keys, and cannot change what it follows; the "
            "authority's key is not readable by machines.",
            tests=(
                "infra/test_identity.py::test_no_machine_may_read_the_key_of_the_authority",
                "infra/test_identity.py::test_machines_may_read_what_they_follow_and_change_nothing_of_it",
                "infra/policies/test_mutations.py::test_a_policy_objects_to_the_resource_that_lost_its_property",
            ),
        ),
    ),
)

SUPPLY: Final = Attacker(
    who="whoever can change a package, an action, an image or a model that Perch takes",
    entry="lock file, GitHub's actions, base images, NGC, machine images, bundles in S3",
    threats=(
        Threat(
            attempt="Have another version of something run than was looked at.",
            aims_at="C K",
            stopped_by="Packages by hash, actions by commit, images by digest, machine images by id, "
            "programs of a machine by SHA-256; an image is scanned and signed before it gets its tag, and "
            "its tag never moves.",
            tests=(
                "repository/test_workflows.py::test_every_action_is_pinned_by_its_commit_and_names_its_version",
                "app/test_dockerfile.py::test_starts_from_an_image_pinned_by_digest",
                "infra/boot/test_programs.py::test_never_runs_what_has_another_sha256_and_takes_the_right_one_when_it_is_there",
                "ops/test_images.py::test_an_image_with_bad_findings_gets_no_tag",
                "ci/test_ci_page.py::test_an_image_is_signed_and_its_signature_checked_before_it_is_accepted",
                "infra/test_security.py::test_images_cannot_be_replaced_under_their_tag",
            ),
        ),
        Threat(
            attempt="Bring in a known hole.",
            aims_at="C",
            stopped_by="The lock file is asked about at OSV in CI, and what an image is made of is written "
            "down (CycloneDX). Nobody is told of a hole before it is published.",
            tests=(
                "repository/test_sbom.py::test_it_names_each_package_of_the_gateway_with_version_and_checksum",
            ),
        ),
    ),
)

PULL: Final = Attacker(
    who="somebody with a pull request, from a fork or with the right to push a branch",
    entry="`.github/workflows`: test, preview, up, drift",
    threats=(
        Threat(
            attempt="Take credentials of AWS, or a token that writes, from a workflow.",
            aims_at="K C",
            stopped_by="No workflow reads a secret; credentials are of one run, and a role is taken by the "
            "tokens of one kind of workflow; forks get none; a job has the permissions that it asks for.",
            tests=(
                "ci/test_ci_page.py::test_no_workflow_reads_a_secret",
                "ci/test_program.py::test_each_role_is_taken_by_the_tokens_of_one_kind_of_workflow",
                "repository/test_workflows.py::test_nothing_is_permitted_that_a_job_does_not_ask_for",
            ),
        ),
        Threat(
            attempt="With a deployment's role: reach another environment, or lift its own bounds.",
            aims_at="C",
            stopped_by="Rights are of one environment, and every role that it makes is under a boundary that it cannot change.",
            tests=(
                "ci/test_reach.py::test_a_deployment_may_touch_nothing_of_another_environment",
                "ci/test_reach.py::test_a_deployment_cannot_change_what_bounds_it",
                "ci/test_reach.py::test_who_only_looks_makes_and_changes_nothing",
            ),
        ),
        Threat(
            attempt="Commit a secret, by mistake or so that it is seen.",
            aims_at="K",
            stopped_by="A commit and `make check` look for every kind of secret that Perch has; a stack's own are ciphertext.",
            tests=(
                "repository/test_secrets.py::test_a_secret_of_each_kind_that_is_planted_in_a_repository_is_found",
                "repository/test_secrets.py::test_a_planted_secret_is_found_between_encrypted_values",
            ),
        ),
    ),
)

LAPTOP: Final = Attacker(
    who="somebody at an operator's laptop, or with a copy of it",
    entry="shell, history, files of `perch` and Pulumi",
    threats=(
        Threat(
            attempt="Find a secret that stayed there.",
            aims_at="K",
            stopped_by="Tokens come from files or the environment, never from a command line; SSH has a key "
            "for one call, on no disk; Pulumi's state and stack files are encrypted; bundles are masked. "
            "Credentials of AWS that the person keeps are AWS's to guard.",
            tests=(
                "ops/console/test_token.py::test_a_token_comes_from_a_file_or_the_environment_and_never_from_the_command_line",
                "ops/host/test_host.py::test_the_key_is_another_each_time_and_is_on_no_disk_and_no_command_line",
                "ops/host/test_bundle.py::test_a_bundle_has_every_part_and_none_of_the_secrets",
                "engine/test_secrets.py::test_a_secret_reaches_its_store_and_no_file_output_or_line",
                "acceptance/leaks/test_stack.py::test_nothing_secret_is_in_anything_that_the_stack_tells",
            ),
        ),
        Threat(
            attempt="Answer in a machine's place when the operator connects to it.",
            aims_at="K C",
            stopped_by="A machine's host key is published by its own tag, and no other is taken.",
            tests=(
                "ops/host/test_host.py::test_another_host_key_than_the_published_one_is_refused_before_anything_is_sent",
            ),
        ),
    ),
)

INSIDER: Final = Attacker(
    who="somebody who may read logs, metrics, traces, state or the account, and no secret",
    entry="CloudWatch, Prometheus, the collector of traces, the bucket of the state, EC2's user data",
    threats=(
        Threat(
            attempt="Find a secret or a client's token in what is written down.",
            aims_at="K",
            stopped_by="Secrets have types that refuse to be printed, the log masks them in every spelling, "
            "and everything that Perch tells is searched for each secret in every form.",
            tests=(
                "acceptance/leaks/test_gateway.py::test_nothing_secret_is_in_anything_that_a_gateway_tells",
                "acceptance/leaks/test_program.py::test_no_secret_of_a_stack_is_in_anything_that_its_program_tells",
                "acceptance/leaks/test_search.py::test_a_planted_secret_is_found_in_each_form",
                "app/test_redaction.py::test_a_secret_of_each_kind_is_masked_wherever_it_stands",
                "infra/boot/test_user_data.py::test_names_secrets_and_holds_none",
            ),
        ),
        Threat(
            attempt="Change what runs without being seen.",
            aims_at="C E",
            stopped_by="Policies judge every deployment, and drift is looked for every night: what a person "
            "with rights does by hand is found then, not prevented.",
            tests=(
                "infra/policies/test_pack.py::test_the_running_pack_objects_to_a_resource",
                "repository/test_workflows.py::test_the_same_stacks_are_previewed_applied_and_watched_and_never_the_local_one",
            ),
        ),
    ),
)

STOLEN: Final = Attacker(
    who="somebody with a copy of a machine image, a snapshot, a volume or the gateway's image",
    entry="EBS, AMI, ECR, the bucket of models",
    threats=(
        Threat(
            attempt="Read secrets or speech out of it.",
            aims_at="K S",
            stopped_by="Volumes are encrypted by the stack's key; secrets lie in memory (tmpfs) alone; "
            "images hold no secret; nothing of speech is written but an upload, in a file without a name.",
            tests=(
                "infra/test_security.py::test_volumes_are_large_and_encrypted_with_the_stacks_key",
                "app/test_dockerfile.py::test_holds_no_secret_and_no_model",
                "app/gateway/uploads/test_hangup.py::test_an_upload_that_is_broken_off_leaves_nothing",
                "infra/test_security.py::test_buckets_are_closed_versioned_encrypted_and_tidied",
            ),
        ),
    ),
)

OPERATION: Final = (NEIGHBOUR, BROKEN_IN, SUPPLY, PULL, LAPTOP, INSIDER, STOLEN)
