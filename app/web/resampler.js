/**
 * A streaming sample-rate converter for one channel, used when a browser will not run its audio
 * graph at the rate the recogniser wants.
 *
 * It is a rational polyphase filter: with `up / down` the reduced ratio of the two rates, output
 * sample n lies at input time n * down / up. Both the whole part and the phase of that time are
 * kept as integers, so nothing drifts however long a session lasts, and cutting the input into
 * other blocks changes no output sample. The filter is a Kaiser-windowed sinc whose stop band
 * begins at half the lower of the two rates, so nothing folds back into the speech band.
 */

/** Zero crossings of the sinc on each side of its centre, counted at the lower rate. */
const CROSSINGS = 48;

/** Kaiser shape for about 80 dB of stop band (Kaiser's formula: 0.1102 * (80 - 8.7)). */
const KAISER_BETA = 7.857;

/** Kaiser's estimate of the transition width for 80 dB, in cycles per tap: 72 / (2.285 * 2 pi). */
const TRANSITION_PER_TAP = 5.015;

/** The largest filter bank worth building. 44.1 kHz to 16 kHz needs 160 phases, 22.05 kHz 320. */
const MOST_PHASES = 640;

export class Resampler {
  /**
   * @param {number} from Input rate in Hz, a whole number.
   * @param {number} to Output rate in Hz, a whole number.
   * @throws {RangeError} When a rate is not a positive whole number, or the two have so small a
   *   common divisor that the filter bank would be larger than {@link MOST_PHASES} phases.
   */
  constructor(from, to) {
    for (const [name, rate] of [["from", from], ["to", to]]) {
      if (!Number.isInteger(rate) || rate <= 0) {
        throw new RangeError(`${name} is ${rate}; expected a positive whole number of hertz`);
      }
    }
    const divisor = greatestCommonDivisor(from, to);
    this.up = to / divisor;
    this.down = from / divisor;
    if (this.up > MOST_PHASES) {
      throw new RangeError(`${from} Hz to ${to} Hz needs ${this.up} filter phases; the most is ${MOST_PHASES}`);
    }
    this.identity = this.up === 1 && this.down === 1;
    this.half = Math.ceil(CROSSINGS * Math.max(1, this.down / this.up));
    this.bank = this.identity ? [] : filterBank(this.up, this.down, this.half);
    this.reset();
  }

  /** Forget everything heard, as if newly made. */
  reset() {
    // The first output sample sits exactly on the first input sample: silence stands in for the
    // past that the filter's left half looks at, which also cancels the filter's delay.
    this.history = new Float64Array(this.half);
    this.centre = this.half;
    this.phase = 0;
    this.consumed = 0;
    this.produced = 0;
  }

  /**
   * Convert the next block.
   * @param {Float32Array} block Samples in [-1, 1], any length.
   * @returns {Float32Array} Every output sample whose neighbourhood is now complete.
   */
  push(block) {
    this.consumed += block.length;
    if (this.identity) {
      this.produced += block.length;
      return block;
    }
    return this.#convert(block, Infinity);
  }

  /**
   * The samples that were still waiting for a future that will not come (it is taken as silence).
   * In all, `ceil(input * to / from)` samples have then been given for `input` samples.
   * @returns {Float32Array}
   */
  flush() {
    if (this.identity) return new Float32Array(0);
    const total = Math.ceil((this.consumed * this.up) / this.down);
    return this.#convert(new Float32Array(this.half + 1), total);
  }

  #convert(block, most) {
    const input = new Float64Array(this.history.length + block.length);
    input.set(this.history);
    input.set(block, this.history.length);

    const output = new Float32Array(Math.ceil((block.length * this.up) / this.down) + 1);
    const taps = 2 * this.half + 1;
    let count = 0;
    // A tap reaches `half` samples to either side of the centre.
    while (this.centre + this.half < input.length && this.produced < most) {
      const filter = this.bank[this.phase];
      const start = this.centre - this.half;
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += filter[tap] * input[start + tap];
      output[count] = sum;
      count += 1;
      this.produced += 1;
      this.phase += this.down;
      this.centre += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    // Keep only what a later output can still reach. When decimating steeply the next centre may
    // lie beyond the block, hence the bound.
    const from = Math.min(Math.max(0, this.centre - this.half), input.length);
    this.history = input.slice(from);
    this.centre -= from;
    return output.subarray(0, count);
  }
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** One filter per phase; phase p is centred p / up of an input sample after the middle tap. */
function filterBank(up, down, half) {
  const lower = Math.min(1, up / down);
  // The transition ends where folding would begin, so the cut-off lies half a transition below.
  const cutoff = lower / 2 - TRANSITION_PER_TAP / (2 * half + 1) / 2;
  return Array.from({ length: up }, (_, phase) => {
    const filter = new Float64Array(2 * half + 1);
    let sum = 0;
    for (let tap = 0; tap < filter.length; tap += 1) {
      const distance = tap - half - phase / up;
      filter[tap] = sinc(2 * cutoff * distance) * kaiser(distance / (half + 1));
      sum += filter[tap];
    }
    // Every phase passes a constant unchanged; without this the phases would differ by a hair and
    // put a faint tone of their own on the signal.
    return filter.map((weight) => weight / sum);
  });
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel0(KAISER_BETA);
}

/** The modified Bessel function of order zero, by its power series. */
function bessel0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-16; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
