"""The benchmark as a program: it starts every subject, carries streams through it and reports.

Two streams of a second prove that it works, not how fast anything is: no figure is judged here.
"""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.__main__ import SUBJECTS, Row, render
from bench.auth import Figures
from bench.auth import render as render_auth
from bench.processes import ROOT

RELAY = Row(
    subject="relay",
    cpu_s_per_stream_hour=4.0,
    p50_ms=1.0,
    p95_ms=2.0,
    p99_ms=3.0,
    rss_kb_per_stream=50.0,
    streams=2,
    finals=2,
    failures=0,
)


@pytest.mark.slow
def test_a_tiny_run_measures_every_subject_and_loses_no_final() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--streams", "2", "--seconds", "1", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    rows = [Row(**row) for row in json.loads(run.stdout)]
    assert [row.subject for row in rows] == list(SUBJECTS)
    assert {(row.streams, row.finals, row.failures) for row in rows} == {(2, 2, 0)}
    # Every interim was heard: without one there is no percentile.
    assert all(row.p99_ms >= row.p95_ms >= row.p50_ms > 0 for row in rows)


def test_the_table_gives_each_subject_as_a_ratio_to_the_relay() -> None:
    gateway = replace(RELAY, subject="gateway", cpu_s_per_stream_hour=5.0, p95_ms=3.0)
    header, relay_line, gateway_line = render([RELAY, gateway]).splitlines()
    assert header.split()[:4] == ["subject", "CPU-s/stream-h", "x", "relay"]
    assert relay_line.split()[:3] == ["relay", "4.00", "1.00"]
    assert gateway_line.split() == (
        ["gateway", "5.00", "1.25", "1.00", "3.00", "1.50", "3.00", "50", "2", "0"]
    )


@pytest.mark.slow
def test_what_it_costs_to_know_who_connects_is_measured_for_each_way() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--auth", "--sessions", "2", "--rounds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    _, *lines, last = run.stdout.splitlines()
    assert [line[:24].strip() for line in lines] == [
        "none",
        "static token",
        "API key",
        "JSON Web Token",
        "single-use token",
        "the same, exchanged",
    ]
    assert last == "1 rounds of 2 connections, each with a session, one at a time"


def test_each_way_is_a_ratio_to_nobody_asking_in_the_same_round() -> None:
    # A machine that was twice as slow in the second round changes no ratio.
    none = Figures(cpu_ms=[2.0, 4.0], start_ms=[3.0, 6.0])
    token = Figures(cpu_ms=[2.2, 4.4], start_ms=[4.5, 9.0])
    _, none_line, token_line, _ = render_auth({"none": none, "a token": token}, 7).splitlines()
    assert none_line.split() == ["none", "3.00", "1.00", "4.50", "1.00"]
    assert token_line.split() == ["a", "token", "3.30", "1.10", "6.75", "1.50"]
