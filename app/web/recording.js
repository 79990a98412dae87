/** A recording as the source of sound: decoded by the browser, given out in frames. */

import { FRAME_SAMPLES, SAMPLE_RATE } from "./pcm.js";
import { Trouble } from "./trouble.js";

/** A recording is decoded in memory, at several times its size. */
const MOST_FILE_BYTES = 200 * 2 ** 20;

export class Recording {
  #stopped = false;

  /** A recording can wait until what was taken of it has been sent. */
  patient = true;

  /** What a recording can suffer, `open` has told. */
  trouble = null;

  /**
   * @param {File} file Any audio the browser can decode.
   * @param {boolean} paced As it was spoken, in real time, or else as fast as it is accepted.
   */
  constructor(file, paced) {
    this.file = file;
    this.paced = paced;
  }

  /** @throws {Trouble} When the file is too large or is no audio the browser knows. */
  async open() {
    const { file } = this;
    if (file.size > MOST_FILE_BYTES) {
      throw new Trouble(
        "file-too-large",
        "The recording is too large for this page",
        `${file.name} has ${Math.ceil(file.size / 2 ** 20)} MB; the page takes up to ${MOST_FILE_BYTES / 2 ** 20}. The command “perch transcribe” takes more.`,
      );
    }
    try {
      // Decoding within a 16 kHz context resamples as well, with the browser's own good filter.
      const decoder = new OfflineAudioContext(1, 1, SAMPLE_RATE);
      this.samples = mono(await decoder.decodeAudioData(await file.arrayBuffer()));
    } catch {
      throw new Trouble(
        "file-unreadable",
        "The recording could not be read",
        `${file.name} is not a sound file this browser knows, or it is damaged. WAV, FLAC, MP3 and OGG usually work.`,
      );
    }
  }

  /** @returns {AsyncGenerator<Frame>} */
  async *frames() {
    const begun = performance.now();
    for (let start = 0; start < this.samples.length && !this.#stopped; start += FRAME_SAMPLES) {
      const end = Math.min(start + FRAME_SAMPLES, this.samples.length);
      // Each frame is due when its last sample has been spoken, reckoned from the beginning: a late
      // frame is followed by prompt ones, and no delay adds up.
      if (this.paced) await until(begun + (end / SAMPLE_RATE) * 1000);
      yield { samples: this.samples.subarray(start, end), heardAt: performance.now() };
    }
  }

  /** A recording does not run away. */
  hold() {}

  release() {}

  /** Nor is it ever waited for. @returns {boolean} */
  giveUp() {
    return false;
  }

  stop() {
    this.#stopped = true;
  }
}

/** The mean of all channels. */
function mono(buffer) {
  const mixed = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let index = 0; index < mixed.length; index += 1) {
      mixed[index] += samples[index] / buffer.numberOfChannels;
    }
  }
  return mixed;
}

function until(due) {
  const wait = due - performance.now();
  return wait > 0 ? new Promise((resolve) => setTimeout(resolve, wait)) : Promise.resolve();
}
