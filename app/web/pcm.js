/** Arithmetic on blocks of samples: 16-bit frames, levels, and cutting a stream into frames. */

/** The rate the page sends, in Hz: what the recogniser works at, so nobody resamples again. */
export const SAMPLE_RATE = 16000;

/** Samples in a frame: 50 ms, small enough for a quick first word, large enough for few messages. */
export const FRAME_SAMPLES = SAMPLE_RATE / 20;

/** Below this level a frame counts as quiet when the first sound is looked for, in dBFS. */
export const SOUND_DBFS = -45;

/**
 * Convert to little-endian 16-bit PCM, rounding to nearest and clipping instead of wrapping.
 * @param {Float32Array} samples Nominally in [-1, 1].
 * @returns {ArrayBuffer}
 */
export function toPcm16(samples) {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  for (let index = 0; index < samples.length; index += 1) {
    const clipped = Math.max(-1, Math.min(1, samples[index]));
    // Explicitly little-endian: an Int16Array would take the machine's own order.
    view.setInt16(index * 2, Math.round(clipped * 32767), true);
  }
  return view.buffer;
}

/**
 * Root-mean-square level in dB relative to full scale; digital silence is -Infinity.
 * @param {Float32Array} samples
 */
export function levelDbfs(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(1, samples.length));
}

/** Gathers blocks of any length into frames of exactly {@link FRAME_SAMPLES}. */
export class Framer {
  #rest = new Float32Array(0);

  /**
   * @param {Float32Array} block
   * @returns {Float32Array[]} The frames that are now full, oldest first.
   */
  push(block) {
    const joined = new Float32Array(this.#rest.length + block.length);
    joined.set(this.#rest);
    joined.set(block, this.#rest.length);
    const frames = [];
    let start = 0;
    for (; start + FRAME_SAMPLES <= joined.length; start += FRAME_SAMPLES) {
      frames.push(joined.subarray(start, start + FRAME_SAMPLES));
    }
    this.#rest = joined.slice(start);
    return frames;
  }

  /** @returns {Float32Array[]} The last, shorter frame, or nothing when none is left. */
  flush() {
    const rest = this.#rest;
    this.#rest = new Float32Array(0);
    return rest.length > 0 ? [rest] : [];
  }
}
