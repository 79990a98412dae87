/**
 * The audio of a session that is in no settled text yet, so that it can be sent again.
 *
 * One queue between the source and the socket: audio enters at the end, leaves for the socket at a
 * cursor in the middle, and is forgotten from the front once the gateway says that it is settled.
 * When a connection is gone the cursor goes back. Positions count from the start of the session's
 * audio: in whole samples within, in seconds outside.
 */

const BYTES = 2;

export class Kept {
  #rate;
  #ring;
  #start = 0;
  #next = 0;
  #end = 0;

  /**
   * @param {number} rate Samples per second of 16-bit mono PCM.
   * @param {number} most How many seconds are kept.
   */
  constructor(rate, most) {
    this.#rate = rate;
    this.#ring = new Uint8Array(Math.round(rate * most) * BYTES);
  }

  /** Seconds of the session's audio up to the newest sample. */
  get end() {
    return this.#end / this.#rate;
  }

  /** Seconds that are here, sent or not. */
  get seconds() {
    return (this.#end - this.#start) / this.#rate;
  }

  /** Seconds that have yet to be sent. */
  get unsent() {
    return (this.#end - this.#next) / this.#rate;
  }

  /**
   * Take in a frame. Where it is full, the oldest audio makes room if it was sent already: it will
   * be missing only if the connection breaks. Audio never sent is never dropped.
   * @param {ArrayBuffer} frame Whole samples.
   * @returns {boolean} False: there is no room, and nothing of the frame was taken.
   */
  push(frame) {
    const samples = frame.byteLength / BYTES;
    const capacity = this.#ring.length / BYTES;
    if (this.#end + samples - Math.max(this.#start, this.#next) > capacity) return false;
    const bytes = new Uint8Array(frame);
    const at = this.#offset(this.#end);
    const first = bytes.subarray(0, this.#ring.length - at);
    this.#ring.set(first, at);
    this.#ring.set(bytes.subarray(first.length), 0);
    this.#end += samples;
    this.#start = Math.max(this.#start, this.#end - capacity);
    return true;
  }

  /**
   * The next audio to be sent, of which the cursor moves past.
   * @param {number} most How many samples are wanted at once.
   * @returns {ArrayBuffer|null} Null: everything was sent.
   */
  take(most) {
    const samples = Math.min(most, this.#end - this.#next);
    if (samples === 0) return null;
    const bytes = new Uint8Array(samples * BYTES);
    // What is no longer here stays silence.
    const gone = Math.min(samples, Math.max(0, this.#start - this.#next));
    const sound = bytes.subarray(gone * BYTES);
    const at = this.#offset(this.#next + gone);
    const first = this.#ring.subarray(at, Math.min(at + sound.length, this.#ring.length));
    sound.set(first);
    sound.set(this.#ring.subarray(0, sound.length - first.length), first.length);
    this.#next += samples;
    return bytes.buffer;
  }

  /** Audio before a position is settled; what has not been sent stays all the same. */
  forget(position) {
    this.#start = Math.max(this.#start, Math.min(this.#sampleAt(position), this.#next));
  }

  /**
   * Go back, so that the audio from a position on is sent again.
   * @param {number} position Seconds.
   * @returns {{start: number, end: number}|null} The stretch that is no longer here. Silence is
   *   sent in its place, so that every later time stays right.
   */
  rewind(position) {
    this.#next = Math.min(this.#sampleAt(position), this.#end);
    if (this.#next >= this.#start) return null;
    return { start: this.#next / this.#rate, end: this.#start / this.#rate };
  }

  /** The stretch from a position on, which nobody will hear any more; null when there is none. */
  since(position) {
    const start = Math.min(this.#sampleAt(position), this.#end);
    return start < this.#end ? { start: start / this.#rate, end: this.end } : null;
  }

  #offset(sample) {
    return (sample * BYTES) % this.#ring.length;
  }

  #sampleAt(position) {
    return Math.round(position * this.#rate);
  }
}
