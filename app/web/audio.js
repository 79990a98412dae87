/**
 * Where the sound comes from: the microphone, or a recording. Both give frames of 16 kHz mono at
 * the pace at which they become available, through `frames()`, and end after `stop()` with nothing
 * lost that was heard until then. With each frame comes the moment it reached this page, on the
 * clock of `performance.now()`: a frame may wait before it can be sent, and that wait counts.
 *
 * @typedef {{samples: Float32Array, heardAt: number}} Frame
 */

import { FRAME_SAMPLES, Framer, SAMPLE_RATE } from "./pcm.js";
import { Resampler } from "./resampler.js";
import { Trouble, insecureTrouble, microphoneTrouble, refusedTrouble } from "./trouble.js";

/** How much microphone sound may wait for a slow connection, in seconds, before we say so and end. */
const MOST_WAITING_S = 30;

/** How long the audio thread may take to hand over its last block, in milliseconds. */
const LAST_BLOCK_MS = 500;

/** A recording is decoded in memory, at several times its size. */
const MOST_FILE_BYTES = 200 * 2 ** 20;

export class Microphone {
  #framer = new Framer();
  #queue = [];
  #wake = () => {};
  #done = false;
  #failure = null;
  #stopping = null;
  #held = false;

  /** Sound comes when it is made, whether anybody takes it or not. */
  patient = false;
  paced = true;

  /**
   * Ask for the microphone and begin to listen at once: what is said while the connection is still
   * being made waits in the queue and is not lost.
   * @throws {Trouble} In words, when there is no microphone to be had.
   */
  async open() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw insecureTrouble();
    try {
      // The recogniser was trained on plain recordings: echo cancelling and noise suppression
      // remove what they take for noise from the voice as well. Gain control only scales.
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
      this.stream = await navigator.mediaDevices.getUserMedia({ audio });
      await this.#listen();
    } catch (error) {
      this.#letGo();
      throw error instanceof Trouble ? error : microphoneTrouble(error);
    }
    for (const track of this.stream.getTracks()) {
      track.addEventListener("ended", () => this.stop());
    }
  }

  async #listen() {
    const source = this.#connectable();
    this.resampler = new Resampler(this.context.sampleRate, SAMPLE_RATE);
    await this.#loadWorklet();
    this.node = new AudioWorkletNode(this.context, "perch-capture");
    this.node.port.onmessage = ({ data }) => this.#heard(data);
    // The node's output is silence; it is connected because an unconnected node may never be run.
    source.connect(this.node).connect(this.context.destination);
    await this.context.resume();
  }

  async #loadWorklet() {
    try {
      await this.context.audioWorklet.addModule("/static/capture-worklet.js");
    } catch (error) {
      // The first thing fetched after the page itself: when the server has gone, this is what fails.
      const trouble = await refusedTrouble();
      throw trouble.kind === "unreachable" ? trouble : error;
    }
  }

  /** An audio graph at our rate where the browser can do it, else at its own. */
  #connectable() {
    try {
      this.context = new AudioContext({ sampleRate: SAMPLE_RATE });
      return this.context.createMediaStreamSource(this.stream);
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      // Firefox connects a microphone only to a graph that runs at the microphone's own rate.
      this.context?.close();
      this.context = new AudioContext();
      return this.context.createMediaStreamSource(this.stream);
    }
  }

  #heard({ samples, last }) {
    if (this.#done) return;
    this.#add(this.#framer.push(this.resampler.push(samples)));
    if (last) this.#finish();
  }

  /** From now on what is heard is thrown away: nobody has been asked to speak yet. */
  hold() {
    this.#held = true;
    this.#queue = [];
  }

  /** What is heard counts again. */
  release() {
    this.#held = false;
  }

  #add(frames) {
    if (this.#held) return;
    const heardAt = performance.now();
    this.#queue.push(...frames.map((samples) => ({ samples, heardAt })));
    if (this.#queue.length * FRAME_SAMPLES > MOST_WAITING_S * SAMPLE_RATE) {
      this.#queue = [];
      this.#failure = new Trouble(
        "too-slow",
        "The connection is too slow",
        `More than ${MOST_WAITING_S} seconds of sound were waiting to be sent, so listening was ended rather than leaving gaps.`,
        { retryable: true },
      );
      this.#done = true;
    }
    this.#wake();
  }

  #finish() {
    if (this.#done) return;
    this.#add([...this.#framer.push(this.resampler.flush()), ...this.#framer.flush()]);
    this.#done = true;
    this.#wake();
  }

  /** @returns {AsyncGenerator<Frame>} */
  async *frames() {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift();
      if (this.#failure !== null) throw this.#failure;
      if (this.#done) return;
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Stop listening; frames heard until now still come. */
  stop() {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop() {
    this.node?.port.postMessage("finish");
    const deadline = performance.now() + LAST_BLOCK_MS;
    // A suspended audio thread never answers; its last few milliseconds are then given up.
    while (!this.#done && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#finish();
    this.#letGo();
  }

  #letGo() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.context && this.context.state !== "closed") this.context.close();
  }
}

export class Recording {
  #stopped = false;

  /** A recording can wait until what was taken of it has been sent. */
  patient = true;

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
