/**
 * Whether a microphone is really heard, judged by what the browser says of it and by its sound.
 *
 * @typedef {"gone"|"interrupted"|"muted"|"soundless"} Obstacle
 * @typedef {{lost: boolean, running: boolean, track: {muted: boolean}|null}} Device
 */

/** Sound comes about thirty times a second; so long without any is no slow moment, in milliseconds. */
export const STALLED_MS = 3_000;

/** Nothing but zeros for so long: every real microphone has some noise of its own, in milliseconds. */
export const SOUNDLESS_MS = 5_000;

/** Obstacles that let no sound through at all; the others give silence. */
const ABSENT = new Set(["gone", "interrupted"]);

export class Hearing {
  #blockAt;
  #soundAt;
  #absentSince = null;

  /** @param {number} now Milliseconds, as in all calls: the clock of `performance.now()`. */
  constructor(now) {
    this.#blockAt = now;
    this.#soundAt = now;
  }

  /** @param {Float32Array} samples What was heard. */
  heard(samples, now) {
    if (samples.length === 0) return;
    this.#blockAt = now;
    if (samples.some((sample) => sample !== 0)) this.#soundAt = now;
  }

  /**
   * What keeps the microphone from being heard; null while nothing does.
   * @param {Device} device
   * @returns {Obstacle|null}
   */
  obstacle(device, now) {
    const found = this.#found(device, now);
    if (!ABSENT.has(found)) this.#absentSince = null;
    else this.#absentSince ??= now;
    // What was silent before an interruption says nothing of the time after it.
    if (ABSENT.has(found)) this.#soundAt = now;
    return found;
  }

  /** Milliseconds for which nothing at all has come through; 0 while something does. */
  absence(now) {
    return this.#absentSince === null ? 0 : now - this.#absentSince;
  }

  #found({ lost, running, track }, now) {
    if (lost) return "gone";
    if (!running || now - this.#blockAt > STALLED_MS) return "interrupted";
    if (track?.muted) return "muted";
    return now - this.#soundAt > SOUNDLESS_MS ? "soundless" : null;
  }
}
