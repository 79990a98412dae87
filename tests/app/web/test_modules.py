"""The page's arithmetic, in the browser that runs it: resampling, framing, words, latencies.

Does not prove anything of other browsers' floating point, which all follow IEEE 754.
"""

from base64 import b64decode, b64encode

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Page

Samples = NDArray[np.float64]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

# Samples travel as base64: as lists of numbers they would take longer than all the arithmetic.
RESAMPLE = """async ({ from, to, blocks, samples }) => {
  const { Resampler } = await import("/static/resampler.js");
  const octets = Uint8Array.from(atob(samples), (letter) => letter.charCodeAt(0));
  const input = new Float32Array(octets.buffer);
  const resampler = new Resampler(from, to);
  const parts = [];
  for (let start = 0, index = 0; start < input.length; index += 1) {
    const end = start + blocks[index % blocks.length];
    parts.push(resampler.push(input.slice(start, end)));
    start = end;
  }
  parts.push(resampler.flush());
  const output = await new Blob(parts).arrayBuffer();
  return btoa([...new Uint8Array(output)].map((octet) => String.fromCharCode(octet)).join(""));
}"""


async def resample(page: Page, samples: Samples, rates: tuple[int, int], *blocks: int) -> Samples:
    given = {
        "from": rates[0],
        "to": rates[1],
        "blocks": blocks,
        "samples": b64encode(samples.astype("<f4").tobytes()).decode(),
    }
    converted = b64decode(await page.evaluate(RESAMPLE, given))
    return np.frombuffer(converted, "<f4").astype(np.float64)


def tone(rate: int, hertz: float, seconds: float) -> Samples:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 32000, 44100, 48000, 96000])
async def test_a_tone_keeps_its_pitch_its_place_and_its_strength(modules: Page, rate: int) -> None:
    converted = await resample(modules, tone(rate, 997, 0.5), (rate, 16000), 128)
    expected = tone(16000, 997, 0.5)
    assert len(converted) == len(expected)
    # Away from the ends, where the filter looks into the silence before and after.
    inner = slice(400, -400)
    residue = converted[inner] - expected[inner]
    assert 10 * np.log10(np.mean(residue**2) / np.mean(expected[inner] ** 2)) < -70


@pytest.mark.parametrize(
    ("rate", "hertz"), [(48000, 8050), (44100, 8050), (48000, 9000), (96000, 30000)]
)
async def test_what_lies_above_the_new_band_is_removed_and_not_folded_back(
    modules: Page, rate: int, hertz: int
) -> None:
    converted = await resample(modules, tone(rate, hertz, 0.25), (rate, 16000), 128)
    assert 20 * np.log10(np.abs(converted[400:-400]).max()) < -70


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
async def test_the_size_of_the_blocks_changes_no_sample(modules: Page, rate: int) -> None:
    samples = np.random.default_rng(7).uniform(-1, 1, 5000)
    whole = await resample(modules, samples, (rate, 16000), 5000)
    for blocks in ([128], [1, 4999], [441, 3, 1000]):
        assert np.array_equal(await resample(modules, samples, (rate, 16000), *blocks), whole)


async def test_a_minute_in_the_blocks_of_an_audio_thread_neither_gains_nor_loses_a_sample(
    modules: Page,
) -> None:
    produced = await modules.evaluate("""async () => {
      const { Resampler } = await import("/static/resampler.js");
      const resampler = new Resampler(44100, 16000);
      const block = new Float32Array(44100);
      let count = 0;
      for (let second = 0; second < 60; second += 1) {
        for (let start = 0; start < 44100; start += 128) {
          count += resampler.push(block.subarray(start, start + 128)).length;
        }
      }
      return count + resampler.flush().length;
    }""")
    assert produced == 60 * 16000


async def test_an_equal_rate_passes_every_sample_unchanged(modules: Page) -> None:
    samples = np.array([0.0, 0.5, -0.5, 1.0])
    assert np.array_equal(await resample(modules, samples, (16000, 16000), 3), samples)


@pytest.mark.parametrize(
    ("rates", "complaint"),
    [
        ((0, 16000), "from is 0; expected a positive whole number"),
        ((44100.5, 16000), "from is 44100.5; expected"),
        ((16001, 16000), "needs 16000 filter phases"),
    ],
)
async def test_a_rate_that_cannot_be_is_refused(
    modules: Page, rates: tuple[float, int], complaint: str
) -> None:
    said = await modules.evaluate(
        """async ([from, to]) => {
          const { Resampler } = await import("/static/resampler.js");
          try { new Resampler(from, to); } catch (error) { return `${error.name}: ${error.message}`;
          }
        }""",
        list(rates),
    )
    assert said.startswith("RangeError: ")
    assert complaint in said


async def test_samples_become_little_endian_and_are_clipped_instead_of_wrapping(
    modules: Page,
) -> None:
    octets = await modules.evaluate("""async () => {
      const { toPcm16 } = await import("/static/pcm.js");
      return [...new Uint8Array(toPcm16(Float32Array.of(0, 1, -1, 1.5, -1.5, 0.5, 3e-5)))];
    }""")
    assert np.frombuffer(bytes(octets), "<i2").tolist() == [
        *(0, 32767, -32767, 32767, -32767, 16384, 1),
    ]


async def test_frames_are_full_but_for_the_last_and_lose_nothing(modules: Page) -> None:
    lengths, joined = await modules.evaluate("""async () => {
      const { Framer } = await import("/static/pcm.js");
      const framer = new Framer();
      const frames = [];
      let next = 0;
      for (const length of [1, 799, 5, 2000, 0, 33]) {
        frames.push(...framer.push(Float32Array.from({ length }, () => next++)));
      }
      frames.push(...framer.flush(), ...framer.flush());
      return [frames.map((frame) => frame.length), frames.flatMap((frame) => [...frame])];
    }""")
    assert lengths == [800, 800, 800, 438]
    assert joined == list(range(2838))


@pytest.mark.parametrize(
    ("text", "words", "pieces"),
    [
        ("Good morning.", ["Good", "morning"], [("Good", True), (" ", False), ("morning.", True)]),
        ("It's 5 %.", ["it's", "5"], [("It's", True), (" ", False), ("5", True), (" %.", False)]),
        ("今日は晴れ。", ["今日", "は", "晴れ"], [("今日", True), ("は", True), ("晴れ。", True)]),
        ("nothing alike", ["other", "words"], [("other", True), (" ", False), ("words", True)]),
        ("no words", [], [("no words", False)]),
    ],
)
async def test_words_are_found_in_the_text_with_its_own_spaces_and_punctuation(
    modules: Page, text: str, words: list[str], pieces: list[tuple[str, bool]]
) -> None:
    placed = await modules.evaluate(
        """async ([text, words]) => {
          const { placed } = await import("/static/words.js");
          return placed(text, words.map((word) => ({ word }))).map((p) => [p.text, p.word !==
          null]);
        }""",
        [text, words],
    )
    assert [tuple(piece) for piece in placed] == pieces


async def test_latencies_are_null_until_measured_and_then_what_the_clock_says(
    modules: Page,
) -> None:
    figures = await modules.evaluate("""async () => {
      const { Latency } = await import("/static/latency.js");
      let now = 1000;
      const latency = new Latency(() => now);
      const seen = [];
      const look = () => seen.push([latency.firstInterim, latency.lastFinal, latency.roundTrip]);
      latency.interim("words out of nothing");
      latency.sent(0.05); latency.heard(null);
      look();
      latency.sent(0.05); latency.heard(990);
      now += 400; latency.interim("");
      now += 200; latency.interim("good");
      now += 900; latency.interim("good morning"); latency.final();
      look();
      latency.stopping();
      now += 250; latency.final();
      latency.pinged(); now += 30; latency.ponged(); latency.ponged();
      look();
      return [seen, latency.audioSent];
    }""")
    assert figures == [[[None, None, None], [0.61, None, None], [0.61, 0.25, 0.03]], 0.1]


@pytest.mark.parametrize(
    ("failures", "retry_after", "seconds"),
    [(1, None, 1), (2, None, 2), (4, None, 8), (20, None, 30), (1, 4.2, 5), (9, 60, 60)],
)
async def test_the_wait_before_another_try_doubles_unless_the_server_names_one(
    modules: Page, failures: int, retry_after: float | None, seconds: int
) -> None:
    waited = await modules.evaluate(
        'async (given) => (await import("/static/notice.js")).backoff(...given)',
        [failures, retry_after],
    )
    assert waited == seconds
