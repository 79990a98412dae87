/**
 * What the page can honestly say about speed. All stamps come from one monotonic clock
 * (`performance.now()`), never from the server's, so a wrong clock anywhere cannot flatter or
 * spoil a figure. A figure that was not measured is null.
 */
export class Latency {
  /** @param {() => number} now A monotonic clock in milliseconds. */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.firstSoundAt = null;
    this.stoppedAt = null;

    /** Seconds from the first frame that was not quiet reaching the page to the first interim text. */
    this.firstInterim = null;
    /** Seconds from asking for the end to the last final; null when no final was outstanding. */
    this.lastFinal = null;
    /** Seconds of one ping to the gateway and back. */
    this.roundTrip = null;
    /** Seconds of audio sent. */
    this.audioSent = 0;
  }

  /** @param {number|null} soundAt When a frame reached the page, or null when it was quiet. */
  heard(soundAt) {
    this.firstSoundAt ??= soundAt;
  }

  /** @param {number} seconds Audio that went out; what is sent again does not count again. */
  sent(seconds) {
    this.audioSent += seconds;
  }

  /** An interim arrived. Text before any sound (a recogniser's invention) measures nothing. */
  interim(text) {
    if (this.firstSoundAt === null || text === "") return;
    this.firstInterim ??= (this.now() - this.firstSoundAt) / 1000;
  }

  /** The page asked for the end. */
  stopping() {
    this.stoppedAt = this.now();
  }

  /** A final arrived; only those after the stop say how long the last words take. */
  final() {
    if (this.stoppedAt !== null) this.lastFinal = (this.now() - this.stoppedAt) / 1000;
  }

  pinged() {
    this.pingedAt = this.now();
  }

  ponged() {
    if (this.pingedAt === undefined) return;
    this.roundTrip = (this.now() - this.pingedAt) / 1000;
    this.pingedAt = undefined;
  }
}
