/** Ties the parts together: one source of sound, one session, one transcript at a time. */

import { Controls } from "./controls.js";
import { Hint } from "./hint.js";
import { Latency } from "./latency.js";
import { Login } from "./login.js";
import { Meter } from "./meter.js";
import { Microphone } from "./microphone.js";
import { Notice } from "./notice.js";
import { SAMPLE_RATE, SOUND_DBFS, levelDbfs, toPcm16 } from "./pcm.js";
import { Recording } from "./recording.js";
import { MOST_KEPT_S, Session } from "./session.js";
import { Signs } from "./signs.js";
import { Transcript } from "./transcript.js";
import { Trouble } from "./trouble.js";

const find = (id) => document.getElementById(id);

const notice = new Notice({
  banner: find("notice"),
  title: find("notice-title"),
  message: find("notice-message"),
  retry: find("notice-retry"),
  dismiss: find("notice-dismiss"),
});
const hint = new Hint({
  line: find("hint"),
  words: find("hint-words"),
  detail: find("hint-detail"),
  giveUp: find("hint-give-up"),
  onGiveUp: () => run?.giveUp(),
});
const signs = new Signs(hint, notice);
const meter = new Meter(find("wire"), find("level"), find("record"));
const transcript = new Transcript({
  list: find("transcript"),
  tip: find("tip"),
  announcer: find("announcer"),
  onChange: () => controls.transcriptChanged(transcript.empty),
});
const login = new Login({
  form: find("login"),
  field: find("key"),
  problem: find("key-problem"),
  signOut: find("sign-out"),
  onSignedIn: () => notice.hide(),
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
      warning: (message) => signs.warning(message),
      heartbeat: (message) => this.#heartbeat(message),
      queued: (message) => this.#queued(message),
      sent: (seconds) => this.#told(() => this.#latency.sent(seconds)),
      pinged: () => this.#latency.pinged(),
      ponged: () => this.#told(() => this.#latency.ponged()),
      away: () => signs.away(() => this.#session.unsent),
      moving: () => signs.moving(),
      back: (segment, gap) => this.#back(segment, gap),
      ended: (trouble) => this.#ended(trouble),
    });
  }

  /** Runs to the end. @throws {Trouble} When it ends otherwise than by the last word. */
  async go() {
    controls.opening();
    await this.#source.open();
    if (this.#stopped) return;
    await this.#session.open(controls.startOptions(SAMPLE_RATE), () => login.token());
    this.#live = true;
    this.#source.release();
    signs.started();
    transcript.begin();
    controls.live(this.label);
    for await (const frame of this.#source.frames()) {
      if (!(await this.#took(frame))) break;
    }
    if (this.trouble) throw this.trouble;
    this.#source.stop();
    controls.finishing();
    this.#latency.stopping();
    await this.#session.finish();
    // What was heard before the source failed is settled now; the failure is still to be told.
    if (this.#source.trouble) throw this.#source.trouble;
  }

  /** Stop taking in sound; what was heard is still finished. Before the start: give up. */
  stop() {
    this.#stopped = true;
    this.#source.stop();
    if (!this.#live) this.#session.close();
  }

  /** Do not wait any longer for the connection, or for the microphone while that is what is missing. */
  giveUp() {
    if (!this.#source.giveUp()) this.#session.giveUp();
  }

  /** Let go of everything, however it ended. */
  release() {
    this.#source.stop();
    this.#session.close();
    transcript.end();
    meter.rest();
    signs.over();
  }

  /** @returns {Promise<boolean>} Whether more is wanted. */
  async #took({ samples, heardAt }) {
    if (!this.#session.push(toPcm16(samples))) {
      signs.full(MOST_KEPT_S);
      return false;
    }
    this.#latency.heard(levelDbfs(samples) > SOUND_DBFS ? heardAt : null);
    meter.push(samples);
    if (this.#source.patient) await this.#session.caughtUp();
    return this.#session.going;
  }

  #interim(message) {
    this.#told(() => this.#latency.interim(message.text));
    transcript.interim(message);
  }

  #final(message) {
    this.#told(() => this.#latency.final());
    transcript.final(message);
  }

  #heartbeat(message) {
    // A recording that is sent as fast as it is taken is always ahead of the recogniser.
    if (this.#source.paced) signs.behind(this.#session.behind(message));
  }

  #queued(message) {
    signs.queued(message);
    if (this.#live) return;
    this.#source.hold();
    controls.waiting();
  }

  #back(segment, gap) {
    transcript.rewind(segment);
    signs.back(gap);
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
  const microphone = new Microphone((obstacle, seconds) => {
    controls.hearing(obstacle === null);
    signs.microphone(obstacle, seconds);
  });
  return start(microphone, null, listen);
}

function read(file) {
  return start(new Recording(file, controls.paced), file.name, () => read(file));
}

controls.idle();
login.begin();
