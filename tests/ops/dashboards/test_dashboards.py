"""What is asked of a Prometheus for a panel, and what is drawn of its answer: without one.

tests/ops/observe/test_up_observe.py asks a real one.
"""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from click.testing import CliRunner

from ops.console.errors import CommandFailedError
from ops.dashboards.asking import Prometheus, Window, chosen
from ops.dashboards.command import command
from ops.dashboards.drawing import Answered, page, picture, without_data
from ops.observe.panels import MACHINE, ONE_MACHINE, OVERVIEW, SCREENS, Panel

WINDOW = Window(begins=1_800_000_000.0, ends=1_800_000_900.0)
PANEL = Panel(
    title="Finals",
    about="How late.",
    unit="percentunit",
    queries={"{{colour}} p95": 'rate(x{job=~"$job", instance=~"$instance"}[$__rate_interval])'},
    limit=0.95,
    leads_to=MACHINE,
)


def prometheus(answer: httpx.Response | Exception) -> Prometheus:
    def handle(request: httpx.Request) -> httpx.Response:
        del request
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(handle))
    return Prometheus("http://127.0.0.1:9090/", client)


def matrix(*series: tuple[dict[str, str], list[list[object]]]) -> httpx.Response:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return httpx.Response(
        200,
        text=json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}),
    )


def test_a_query_is_asked_with_every_machine_and_a_rate_that_fits_the_steps() -> None:
    asked = chosen(PANEL.queries["{{colour}} p95"], WINDOW)
    assert asked == 'rate(x{job=~".+", instance=~".+"}[60s])'
    day = Window(begins=0.0, ends=86_400.0)
    assert (day.step_s, day.rate_s) == (960, 975)


def test_no_variable_of_grafana_is_left_in_any_query() -> None:
    for screen in SCREENS:
        for panel in screen.panels:
            assert all("$" not in chosen(query, WINDOW) for query in panel.queries.values())


def test_a_line_has_its_legend_from_labels_and_gaps_where_there_is_no_number() -> None:
    begin = WINDOW.begins
    answer = matrix(
        ({"colour": "green"}, [[begin, "NaN"]]),
        ({"colour": "blue"}, [[begin, "0.5"], [begin + 10, "NaN"], [begin + 30, "1"]]),
    )
    [line] = prometheus(answer).answer(PANEL, WINDOW)
    assert line.legend == "blue p95"
    assert line.points[:4] == ((0.0, 0.5), (10.0, None), (20.0, None), (30.0, 1.0))
    assert len(line.points) == 91


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.ConnectError("refused"), "no Prometheus answers at http://127.0.0.1:9090: refused"),
        (httpx.Response(200, text="<html>"), "as a Prometheus does: HTTP 200"),
        (httpx.Response(200, text="[]"), "as a Prometheus does: HTTP 200"),
        (httpx.Response(404, text="{}"), "as a Prometheus does: HTTP 404"),
        (
            httpx.Response(400, text=json.dumps({"status": "error", "error": "parse error"})),
            "does not answer query_range as a Prometheus does: parse error",
        ),
    ],
)
def test_what_is_no_prometheus_is_said_in_a_sentence(
    answer: httpx.Response | Exception, said: str
) -> None:
    with pytest.raises(CommandFailedError, match=re.escape(said)):
        prometheus(answer).answer(PANEL, WINDOW)


def answered(*panels: Panel) -> tuple[Answered, ...]:
    answer = matrix(({"colour": "<blue>"}, [[WINDOW.begins, "0.5"], [WINDOW.begins + 10, "0.25"]]))
    asked = prometheus(answer)
    return tuple(Answered(panel=one, lines=asked.answer(one, WINDOW)) for one in panels)


def test_a_picture_is_one_svg_whose_links_lead_where_the_panels_do() -> None:
    drawn = picture(OVERVIEW, answered(PANEL, PANEL, PANEL), WINDOW, "{}.svg".format)
    root = ET.fromstring(drawn)  # noqa: S314 - drawn here
    links = [one.get("href") for one in root.iter("{http://www.w3.org/2000/svg}a")]
    assert links == [f"{MACHINE}.svg"] * 3
    assert "&lt;blue&gt; p95" in drawn
    assert "minutes from 08:00 UTC" in drawn
    assert drawn == picture(OVERVIEW, answered(PANEL, PANEL, PANEL), WINDOW, "{}.svg".format)


def test_a_panel_without_data_says_what_it_needs_or_is_named() -> None:
    silent = tuple(Answered(panel=one, lines=()) for one in ONE_MACHINE.panels)
    drawn = picture(ONE_MACHINE, silent, WINDOW, "#{}".format)
    assert drawn.count("No data: needs a machine with a GPU") == 3
    assert drawn.count("No data: needs a machine in AWS") == 1
    assert drawn.count("No data: nothing of it in this window.") == 5
    assert without_data(silent) == tuple(
        one.title for one in ONE_MACHINE.panels if one.needs is None
    )
    assert without_data(answered(PANEL)) == ()


def test_the_page_fetches_nothing_and_its_links_stay_on_it() -> None:
    drawn = {
        screen.uid: picture(screen, answered(*screen.panels), WINDOW, "#{}".format)
        for screen in SCREENS
    }
    text = page(drawn, ("Drawn by Perch.",))
    hrefs = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert hrefs
    assert {href for href in hrefs if href[0] != "#"} == set()
    assert all(f'<div id="{href[1:]}">' in text for href in hrefs)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--prometheus", "ftp://x"), 2, "accepted: an http:// or https:// address"),
        (("--prometheus", "http://127.0.0.1:9", "--last", "30s"), 2, "--last is '30s'; accepted"),
        (("--until", "noon"), 2, "--until is 'noon'; accepted: a date and time"),
        (("--last", "soon"), 2, "--last is 'soon'; accepted: seconds"),
        ((), 1, "no Prometheus runs for stack local on this machine; start it with"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    options: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(command, ["--state-dir", str(tmp_path), *options])
    assert (done.exit_code, said in done.output) == (code, True), done.output
