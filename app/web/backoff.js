/**
 * How long to wait before connecting again. Drawn from the whole range ("full jitter"), so that the
 * pages of one gateway do not come back to the next in step.
 */

/** The range of the first wait, and the widest one, in seconds. */
const FIRST_S = 0.5;
const WIDEST_S = 10;

export class Backoff {
  #failures = 0;
  #random;

  /** @param {() => number} random From 0 up to, not including, 1. */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /**
   * @param {number|null} retryAfter Seconds the server asked for; the wait is never shorter.
   * @returns {number} Seconds.
   */
  next(retryAfter = null) {
    const range = Math.min(WIDEST_S, FIRST_S * 2 ** this.#failures);
    this.#failures += 1;
    return (retryAfter ?? 0) + this.#random() * range;
  }
}
