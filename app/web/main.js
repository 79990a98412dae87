/** Ties the parts together: one source of sound, one session, one transcript at a time. */

import { Microphone, Recording } from "./audio.js";
import { Controls } from "./controls.js";
import { Latency } from "./latency.js";
import { Meter } from "./meter.js";
import { Notice } from "./notice.js";
import { SAMPLE_RATE, SOUND_DBFS, levelDbfs, toPcm16 } from "./pcm.js";
import { Session } from "./session.js";
import { Transcript } from "./transcript.js";
import { Trouble } from "./trouble.js";

/** Sound handed to the socket but not yet sent, in bytes: half a second. Beyond it the source waits. */
const MOST_BACKLOG = SAMPLE_RATE;

const find = (id) => document.getElementById(id);

const notice = new Notice({
  banner: find("notice"),
  title: find("notice-title"),
  message: find("notice-message"),
  retry: find("notice-retry"),
  dismiss: find("notice-dismiss"),
});
const meter = new Meter(find("wire"), find("level"), find("record"));
const transcript = new Transcript({
  list: find("transcript"),
  tip: find("tip"),
  announcer: find("announcer"),
  onChange: () => controls.transcriptChanged(transcript.empty),
});
const controls = new Controls({
  onRecord: () => (run === null ? listen() : run.stop()),
  onFile: (file) => read(file),
  onClear: () => transcript.clear(),
  transcript,
});

/** One transcription from its first sound to its last word. Null while nothing goes on. */
let run = null;

class Run {
  #latency = new Latency();
  #session;
  #source;
  #live = false;
  #stopped = false;

  constructor(source, label) {
    this.#source = source;
    this.label = label;
    this.#session = new Session({
      interim: (message) => this.#interim(message),
      final: (message) => this.#final(message),
      notice: (sentence) => notice.mention("The server says", sentence),
      ping: () => this.#latency.pinged(),
      pong: () => this.#told(() => this.#latency.ponged()),
      ended: (trouble) => this.#ended(trouble),
    });
  }

  /** Runs to the end. @throws {Trouble} When it ends otherwise than by the last word. */
  async go() {
    controls.opening();
    await this.#source.open();
    if (this.#stopped) return;
    await this.#session.open(controls.startOptions(SAMPLE_RATE), controls.token);
    this.#live = true;
    notice.forget();
    transcript.begin();
    controls.live(this.label);
    for await (const frame of this.#source.frames()) {
      await this.#send(frame);
      if (!this.#session.live) break;
    }
    if (this.trouble) throw this.trouble;
    controls.finishing();
    this.#latency.stopping();
    await this.#session.finish();
  }

  /** Stop taking in sound; what was heard is still finished. Before the start: give up. */
  stop() {
    this.#stopped = true;
    this.#source.stop();
    if (!this.#live) this.#session.close();
  }

  /** Let go of everything, however it ended. */
  release() {
    this.#source.stop();
    this.#session.close();
    transcript.end();
    meter.rest();
  }

  async #send({ samples, heardAt }) {
    this.#session.sendAudio(toPcm16(samples));
    const soundAt = levelDbfs(samples) > SOUND_DBFS ? heardAt : null;
    this.#told(() => this.#latency.sent(samples.length / SAMPLE_RATE, soundAt));
    meter.push(samples);
    await this.#session.drainedTo(MOST_BACKLOG);
  }

  #interim(message) {
    this.#told(() => this.#latency.interim(message.text));
    transcript.interim(message);
  }

  #final(message) {
    this.#told(() => this.#latency.final());
    transcript.final(message);
  }

  #ended(trouble) {
    this.trouble = trouble;
    this.#source.stop();
  }

  #told(measure) {
    measure();
    controls.figures(this.#latency);
  }
}

async function start(source, label, again) {
  if (run !== null) return;
  run = new Run(source, label);
  try {
    await run.go();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    if (error.kind !== "cancelled") notice.show(error, again);
  } finally {
    run.release();
    run = null;
    controls.idle();
  }
}

function listen() {
  return start(new Microphone(), null, listen);
}

function read(file) {
  return start(new Recording(file, controls.paced), file.name, () => read(file));
}

controls.idle();
