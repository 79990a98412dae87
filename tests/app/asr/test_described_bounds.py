"""What a setting's description says is accepted is accepted, up to the very numbers it names."""

import pytest

from app.asr.settings import RivaSettings
from tests.support.described_bounds import differences, span

FIELDS = RivaSettings.model_fields
WITHOUT_NUMBERS = {
    "enable_partial_results", "file_max_bytes", "model", "language_code",
    "enable_automatic_punctuation", "enable_word_time_offsets", "profanity_filter",
    "verbatim_transcripts", "custom_configuration", "host", "http_ready_path", "endpoints",
    "fallback_endpoints", "fallback_ssl", "ssl", "ssl_cert", "ssl_client_cert", "ssl_client_key",
    "ssl_server_name", "http_ssl", "api_key", "api_key_file", "groups",
}  # fmt: skip
"""Texts, choices and files, and one number without a most."""


def test_every_other_number_says_from_where_to_where_it_goes() -> None:
    assert {name for name, field in FIELDS.items() if span(field) is None} == WITHOUT_NUMBERS


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - WITHOUT_NUMBERS))
def test_a_number_is_taken_from_the_least_to_the_most_and_no_further(name: str) -> None:
    assert differences(FIELDS[name], zero_too=name == "http_port") == []
