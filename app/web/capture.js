/**
 * One opened microphone: the browser's stream, the audio graph behind it, and its sound at 16 kHz.
 * It says what keeps it from being heard, and never heals itself: that is for `Microphone`.
 */

import { SAMPLE_RATE } from "./pcm.js";
import { Resampler } from "./resampler.js";
import { Trouble, insecureTrouble, microphoneTrouble, refusedTrouble } from "./trouble.js";

/** How long the audio thread may take to hand over its last block, in milliseconds. */
const LAST_BLOCK_MS = 500;

// The recogniser was trained on plain recordings: echo cancelling and noise suppression remove what
// they take for noise from the voice as well. Gain control only scales.
const WANTED = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };

export class Capture {
  #handlers;
  #stream = null;
  #context = null;
  #node = null;
  #resampler = null;
  #closed = false;
  #last = () => {};
  #ended = new Promise((resolve) => {
    this.#last = resolve;
  });

  /**
   * Handlers: `heard(samples)` for sound at 16 kHz as it is made, and `changed()` whenever `track`
   * or `running` may have become another.
   */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** The microphone's track, or null before it is open. */
  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  /** Whether the audio graph runs; a phone call or a sleeping tab may halt it. */
  get running() {
    return this.#context?.state === "running";
  }

  /** Whether the device is lost for good: unplugged, taken back, or its graph closed by the browser. */
  get lost() {
    return this.track?.readyState === "ended" || this.#context?.state === "closed";
  }

  /**
   * Ask for the microphone and begin to listen.
   * @throws {Trouble} In words, when there is no microphone to be had.
   */
  async open() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw insecureTrouble();
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: WANTED });
      await this.#listen();
    } catch (error) {
      this.close();
      throw error instanceof Trouble ? error : microphoneTrouble(error);
    }
  }

  /** Ask the browser to let a halted graph run again; it may refuse until somebody touches the page. */
  resume() {
    if (this.#closed || this.#context === null) return;
    // Refused or not, `changed` tells how it stands.
    this.#context.resume().catch(() => {});
  }

  /** Stop taking in sound; resolves when the last of it was handed over, then everything is closed. */
  async finish() {
    this.#node?.port.postMessage("finish");
    // A halted audio thread never answers; its last few milliseconds are then given up.
    if (this.#node !== null) await Promise.race([this.#ended, pause(LAST_BLOCK_MS)]);
    this.close();
  }

  /** Let go of the device at once. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#resampler !== null) this.#handlers.heard(this.#resampler.flush());
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    if (this.#context !== null && this.#context.state !== "closed") this.#context.close();
  }

  async #listen() {
    const source = this.#connectable();
    this.#resampler = new Resampler(this.#context.sampleRate, SAMPLE_RATE);
    await this.#loadWorklet();
    this.#node = new AudioWorkletNode(this.#context, "perch-capture");
    this.#node.port.onmessage = ({ data }) => this.#heard(data);
    // The node's output is silence; it is connected because an unconnected node may never be run.
    source.connect(this.#node).connect(this.#context.destination);
    await this.#context.resume();
    this.#context.addEventListener("statechange", () => this.#changed());
    for (const event of ["ended", "mute", "unmute"]) this.track.addEventListener(event, () => this.#changed());
  }

  async #loadWorklet() {
    try {
      await this.#context.audioWorklet.addModule("/static/capture-worklet.js");
    } catch (error) {
      // The first thing fetched after the page itself: when the server has gone, this is what fails.
      const trouble = await refusedTrouble();
      throw trouble.kind === "unreachable" ? trouble : error;
    }
  }

  /** An audio graph at our rate where the browser can do it, else at its own. */
  #connectable() {
    try {
      this.#context = new AudioContext({ sampleRate: SAMPLE_RATE });
      return this.#context.createMediaStreamSource(this.#stream);
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      // Firefox connects a microphone only to a graph that runs at the microphone's own rate.
      this.#context?.close();
      this.#context = new AudioContext();
      return this.#context.createMediaStreamSource(this.#stream);
    }
  }

  #heard({ samples, last }) {
    if (!this.#closed) this.#handlers.heard(this.#resampler.push(samples));
    if (last) this.#last();
  }

  #changed() {
    if (!this.#closed) this.#handlers.changed();
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
