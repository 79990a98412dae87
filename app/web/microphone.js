/**
 * The microphone as the source of sound. It gives frames of 16 kHz mono at the pace at which they
 * are spoken, through `frames()`, and ends after `stop()` with nothing lost that was heard until
 * then. With each frame comes the moment it reached this page, on the clock of `performance.now()`:
 * a frame may wait before it can be sent, and that wait counts.
 *
 * A device that is interrupted or taken away is asked for again, and what keeps it from being heard
 * is told while it does.
 *
 * @typedef {{samples: Float32Array, heardAt: number}} Frame
 */

import { Capture } from "./capture.js";
import { Hearing } from "./hearing.js";
import { FRAME_SAMPLES, Framer, SAMPLE_RATE } from "./pcm.js";
import { Trouble, microphoneLostTrouble } from "./trouble.js";

/** How much microphone sound may wait for a slow connection, in seconds, before we say so and end. */
const MOST_WAITING_S = 30;

/** How often the device is looked at; its events are not all told by every browser. */
const LOOK_MS = 1_000;

/** A graph that neither runs nor ends for so long is opened anew, in milliseconds. */
const REOPEN_AFTER_MS = 10_000;

/** Between two tries to open a lost device again, unless a device comes; in milliseconds. */
const REOPEN_EVERY_MS = 5_000;

/** How long a lost device is waited for, in milliseconds. */
const MOST_ABSENT_MS = 60_000;

/** What a halted audio graph may have waited for: a look at the page, or a touch of it. */
const WAKING = ["pointerdown", "keydown", "visibilitychange"];

export class Microphone {
  #framer = new Framer();
  #queue = [];
  #wake = () => {};
  #done = false;
  #failure = null;
  #stopping = null;
  #held = false;
  #tell;
  #capture = null;
  #hearing = new Hearing(performance.now());
  #obstacle = null;
  #opening = false;
  #reopenedAt = -Infinity;
  #timer = null;
  #look = () => this.#check();
  #deviceCame = () => this.#check(true);

  /** Sound comes when it is made, whether anybody takes it or not. */
  patient = false;
  paced = true;

  /** Why it ended by itself although all that was heard is in the frames; null where it did not. */
  trouble = null;

  /**
   * @param {(obstacle: import("./hearing.js").Obstacle|null, seconds: number) => void} tell Called
   *   when something begins or ceases to keep the microphone from being heard, and every second in
   *   between, with how long no sound has come.
   */
  constructor(tell) {
    this.#tell = tell;
  }

  /**
   * Ask for the microphone and begin to listen at once: what is said while the connection is still
   * being made waits in the queue and is not lost.
   * @throws {Trouble} In words, when there is no microphone to be had.
   */
  async open() {
    await this.#open();
    if (this.#stopping !== null) return;
    this.#timer = setInterval(this.#look, LOOK_MS);
    for (const event of WAKING) document.addEventListener(event, this.#look);
    navigator.mediaDevices.addEventListener("devicechange", this.#deviceCame);
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

  /** Do not wait for a lost device any longer. @returns {boolean} Whether one was waited for. */
  giveUp() {
    const waited = this.#stopping === null && this.#hearing.absence(performance.now()) > 0;
    if (waited) this.#lose(microphoneLostTrouble(this.#obstacle));
    return waited;
  }

  /** Stop listening; frames heard until now still come. */
  stop() {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #open() {
    const capture = new Capture({
      heard: (samples) => this.#heard(samples),
      changed: this.#look,
    });
    await capture.open();
    if (this.#stopping !== null) {
      capture.close();
      return;
    }
    this.#capture?.close();
    this.#capture = capture;
  }

  #check(deviceCame = false) {
    if (this.#stopping !== null || this.#capture === null) return;
    const now = performance.now();
    const obstacle = this.#hearing.obstacle(this.#capture, now);
    const absence = this.#hearing.absence(now);
    if (obstacle !== null || this.#obstacle !== null) this.#tell(obstacle, absence / 1000);
    this.#obstacle = obstacle;
    if (absence > MOST_ABSENT_MS) this.#lose(microphoneLostTrouble(obstacle));
    else if (obstacle === "gone" || absence > REOPEN_AFTER_MS) this.#reopen(deviceCame);
    else if (obstacle === "interrupted") this.#capture.resume();
  }

  async #reopen(deviceCame) {
    const now = performance.now();
    const early = !deviceCame && now - this.#reopenedAt < REOPEN_EVERY_MS;
    if (this.#opening || early) return;
    this.#opening = true;
    this.#reopenedAt = now;
    try {
      await this.#open();
    } catch (error) {
      // Another device may come, or another program let go of this one. A person's No stands.
      if (error.kind === "microphone-refused") this.#lose(error);
    } finally {
      this.#opening = false;
    }
  }

  #lose(trouble) {
    this.trouble = trouble;
    this.stop();
  }

  #heard(samples) {
    if (this.#done) return;
    this.#hearing.heard(samples, performance.now());
    this.#add(this.#framer.push(samples));
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

  async #stop() {
    clearInterval(this.#timer);
    for (const event of WAKING) document.removeEventListener(event, this.#look);
    navigator.mediaDevices?.removeEventListener("devicechange", this.#deviceCame);
    await this.#capture?.finish();
    if (!this.#done) this.#add(this.#framer.flush());
    this.#done = true;
    this.#wake();
  }
}
