/**
 * Runs on the audio thread: gathers the microphone's samples into blocks and posts them.
 *
 * It does nothing else on purpose. Resampling and framing stand in modules of the page, where they
 * can be tested and where a slow moment delays a message instead of tearing a hole in the sound.
 */

/** About 32 ms at 16 kHz: a few dozen messages a second, and little added delay. */
const BLOCK_SAMPLES = 512;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK_SAMPLES);
    this.filled = 0;
    this.open = true;
    // The page asks for the end, so that the samples still gathered here are not lost.
    this.port.onmessage = () => this.finish();
  }

  process([input]) {
    if (!this.open) return false;
    // A muted or vanished device gives no channel at all; the stream simply has no samples then.
    if (input.length > 0) this.take(mixed(input));
    return true;
  }

  take(samples) {
    for (const sample of samples) {
      this.block[this.filled] = sample;
      this.filled += 1;
      if (this.filled === BLOCK_SAMPLES) this.post(false);
    }
  }

  finish() {
    if (!this.open) return;
    this.open = false;
    this.post(true);
  }

  post(last) {
    const samples = this.block.slice(0, this.filled);
    this.filled = 0;
    this.port.postMessage({ samples, last }, [samples.buffer]);
  }
}

/** The mean of the channels; most microphones have one. */
function mixed(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map(
    (_, index) => channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length,
  );
}

registerProcessor("perch-capture", Capture);
