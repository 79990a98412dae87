/**
 * One transcription session, over as many connections as it takes.
 *
 * Audio goes into the kept queue and from there to whatever connection there is. When that breaks,
 * or its gateway says that it is going away, another one goes on with the session from the newest
 * point that was received, and gets again what is in no settled text.
 */

import { Backoff } from "./backoff.js";
import { Kept } from "./kept.js";
import { Link } from "./link.js";
import { FRAME_SAMPLES, SAMPLE_RATE } from "./pcm.js";
import { Trouble, cannotResumeTrouble, withLoss } from "./trouble.js";

/** How much audio is kept for sending it again, in seconds; 16-bit samples make it 3.8 MB. */
export const MOST_KEPT_S = 120;

/** Sound handed to the socket but not yet sent, in bytes: half a second. Beyond it the queue waits. */
const MOST_BACKLOG = SAMPLE_RATE;

/** A patient source waits while more than this has yet to be sent, in seconds. */
const PATIENT_S = 0.5;

/** Between two heartbeats, in seconds: how quickly a network that vanished is noticed. */
const HEARTBEAT_S = 2;

/** How often a full socket is looked at again; browsers send no event when it drains. */
const DRAIN_POLL_MS = 20;

/** The most samples in one message: audio that is sent again comes in larger pieces. */
const MOST_SAMPLES = 4 * FRAME_SAMPLES;

/** Retryable for a person, but not by itself: the same would only happen once more. */
const LASTING = new Set(["session_too_long", "idle_timeout", "rate_limited", "recognition_off"]);

/**
 * Handlers: `interim(message)`, `final(message)`, `warning(message)` for what the session survives,
 * `heartbeat(message)`, `queued(message)`, `sent(seconds)`, `pinged()`, `ponged()`; `away()` while
 * there is no connection, `moving()` while the next one is sought before this one ends, and
 * `back(segment, gap)` when another connection goes on at a segment, with the stretch of audio that
 * could not be sent again, or null; and `ended(trouble)` once, only when the session ends unasked.
 */
export class Session {
  #handlers;
  #kept = new Kept(SAMPLE_RATE, MOST_KEPT_S);
  #state = "new"; // new, opening, going, over
  #options = {};
  #token = () => "";
  #bearer = null; // newest resume token, where it opens a connection too
  #bearers = false;
  #link = null; // carries the session
  #coming = null; // is to carry it next
  #point = null; // null: cannot be resumed
  #windowMs = 0;
  #trouble = null; // the newest that took the connection, or kept another from coming
  #sent = 0;
  #returning = false;
  #stopping = false;
  #ending = null; // of `finish`
  #wakes = new Set();

  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Whether the session goes on, connected or not. */
  get going() {
    return this.#state === "going";
  }

  /** Seconds of audio taken in that the recogniser has not had, by a heartbeat of now. */
  behind(heartbeat) {
    return Math.max(0, this.#kept.end - heartbeat.audio_recognised);
  }

  /** Seconds of audio that are kept and not yet sent. */
  get unsent() {
    return this.#kept.unsent;
  }

  /**
   * Connect and start.
   * @param {object} options Fields of `start_transcription`, without `type`.
   * @param {() => string|Promise<string>} token Gives the token of each connection, or nothing where the
   *   gateway asks for none. A session that a single-use token began needs none to go on.
   * @throws {Trouble} When the server cannot be reached, is busy or says no.
   */
  async open(options, token = () => "") {
    this.#state = "opening";
    this.#token = token;
    await this.#connected(async (link, hello) => {
      const resumable = Boolean(hello.resume);
      this.#options = resumable ? { ...options, resumable, heartbeat: HEARTBEAT_S } : options;
      await link.start(this.#options);
      this.#state = "going";
      if (resumable) this.#reached(link, { position: 0, token: hello.resume.token });
      // The hello's own token belongs to no session, and opens nothing.
      this.#bearers = Boolean(hello.resume?.as_bearer);
    });
  }

  /**
   * Take in a frame; it is sent when it can be.
   * @param {ArrayBuffer} frame 16-bit PCM.
   * @returns {boolean} False: no more can be kept, and the frame was not taken.
   */
  push(frame) {
    const taken = this.#kept.push(frame);
    this.#wake();
    return taken;
  }

  /** Resolves when almost everything has been sent, or the session is over. */
  async caughtUp() {
    while (this.going && this.#kept.unsent > PATIENT_S) await this.#sleep(DRAIN_POLL_MS);
  }

  /**
   * Send what is left, ask for the last words and wait until they are all here.
   * @throws {Trouble} When they cannot be had.
   */
  finish() {
    if (!this.going) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#ending = { resolve, reject };
      this.#wake();
    });
  }

  /** Do not wait for a connection any longer; ends as if it had been waited for in vain. */
  giveUp() {
    this.#end(new Trouble("given-up", "Given up", "The connection was not waited for any longer.", { retryable: true }));
  }

  /** Close without waiting for anything; no handler is called any more. */
  close() {
    this.#state = "over";
    this.#link?.close();
    this.#coming?.close();
    this.#wake();
  }

  /** Open a connection, do something with it, and make it the one that carries the session. */
  async #connected(start) {
    const link = new Link({
      message: (message) => this.#received(link, message),
      pinged: () => this.#handlers.pinged(),
      ponged: () => this.#handlers.ponged(),
      ended: (trouble) => this.#broke(link, trouble),
    });
    this.#coming = link;
    const bearer = this.#bearer;
    try {
      const hello = await link.open(bearer ?? (await this.#token()));
      if (hello.resume) this.#windowMs = hello.resume.window_s * 1000;
      await start(link, hello);
      if (hello.resume) link.expectHeartbeats(HEARTBEAT_S);
    } catch (error) {
      // A browser does not say why it was refused; it may be too old.
      if (error.kind === "refused" && this.#bearer === bearer) this.#bearer = null;
      link.close();
      throw error;
    } finally {
      this.#coming = null;
    }
    this.#link = link;
    this.#pump(link);
  }

  /** Hand kept audio to the connection for as long as it is the one. */
  async #pump(link) {
    while (this.going && this.#link === link) {
      const ready = link.live && link.backlog <= MOST_BACKLOG;
      const frame = ready ? this.#kept.take(MOST_SAMPLES) : null;
      if (frame !== null) {
        link.sendAudio(frame);
        this.#tellSent();
      } else if ((ready || link.cut) && this.#ending !== null) {
        await this.#finishOn(link);
      } else {
        const waiting = this.#kept.unsent > 0 || this.#ending !== null;
        await this.#sleep(waiting ? DRAIN_POLL_MS : null);
      }
    }
  }

  async #finishOn(link) {
    this.#stopping = true;
    try {
      await link.stop(this.#kept.end);
    } catch (trouble) {
      this.#broke(link, trouble);
      return;
    } finally {
      this.#stopping = false;
    }
    if (this.#link !== link) return;
    this.close();
    this.#ending.resolve();
  }

  #tellSent() {
    const sent = this.#kept.end - this.#kept.unsent;
    // What is sent again was counted before.
    if (sent > this.#sent) this.#handlers.sent(sent - this.#sent);
    this.#sent = Math.max(this.#sent, sent);
  }

  #received(link, message) {
    if (link !== this.#link && link !== this.#coming) return;
    switch (message.type) {
      case "partial":
        this.#handlers.interim(message);
        break;
      case "transcription":
        this.#handlers.final(message);
        break;
      case "heartbeat":
        this.#handlers.heartbeat(message);
        break;
      case "queued":
        this.#handlers.queued(message);
        break;
      case "warning":
        this.#warned(message);
        break;
      case "error":
        this.#handlers.warning({ ...message, warning: message.error });
        break;
      default:
        // The contract may grow: a type this page does not know is not an error.
        return;
    }
    if (message.resume) this.#reached(link, message.resume);
  }

  #reached(link, { position, token }) {
    this.#point = { position, token, until: performance.now() + this.#windowMs };
    if (this.#bearers) this.#bearer = token;
    if (link === this.#link) this.#kept.forget(position);
  }

  #warned(message) {
    // Where the last words are being waited for already, this gateway gives them before it goes.
    if (message.code !== "going_away" || this.#point === null) this.#handlers.warning(message);
    else if (!this.#stopping) this.#comeBack();
  }

  #broke(link, trouble) {
    if (!this.going || link !== this.#link) return;
    this.#trouble = trouble;
    this.#leave();
    const late = trouble.kind === "timeout" || !passing(trouble);
    if (this.#point === null || late) this.#end(trouble);
    else this.#comeBack();
  }

  /** Try until another connection carries the session, or the newest point is too old for it. */
  async #comeBack() {
    if (this.#link === null) this.#handlers.away();
    else this.#handlers.moving();
    if (this.#returning) return;
    this.#returning = true;
    const backoff = new Backoff();
    // A server that goes away is left at once; one that broke off may have named a time.
    let waitMs = backoff.next(this.#link === null ? this.#trouble.retryAfter : null) * 1000;
    while (!(await this.#returned(waitMs))) {
      waitMs = backoff.next(this.#trouble.retryAfter) * 1000;
      // An old connection that still works is kept for as long as it does.
      const hopeless = !passing(this.#trouble) || performance.now() + waitMs > this.#point.until;
      if (hopeless && this.#link === null) this.#end(this.#trouble);
      if (hopeless) break;
    }
    this.#returning = false;
  }

  /** @returns {Promise<boolean>} Whether no further try is needed. */
  async #returned(waitMs) {
    await this.#pause(waitMs);
    try {
      if (this.going) await this.#connected((link, hello) => this.#resume(link, hello));
      return true;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.#trouble = error;
      return !this.going;
    }
  }

  async #resume(link, hello) {
    if (!hello.resume) throw cannotResumeTrouble();
    // What the old connection would still say, the new one says once more.
    this.#leave();
    const { resumed } = await link.start({ ...this.#options, resume: this.#point.token });
    if (!resumed) throw cannotResumeTrouble();
    const gap = this.#kept.rewind(resumed.position);
    this.#handlers.back(resumed.segment_id, gap);
  }

  /** No connection carries the session: all that is not settled has to be sent again. */
  #leave() {
    const link = this.#link;
    this.#link = null;
    link?.close();
    if (this.#point !== null) this.#kept.rewind(this.#point.position);
    this.#wake();
  }

  #end(trouble) {
    if (!this.going) return;
    const lossy = this.#point === null ? trouble : withLoss(trouble, this.#kept.since(this.#point.position));
    const ending = this.#ending;
    this.close();
    if (ending !== null) ending.reject(lossy);
    else this.#handlers.ended(lossy);
  }

  /** Wait before another try; a network that comes back, or the end of the session, cuts it short. */
  async #pause(milliseconds) {
    const due = performance.now() + milliseconds;
    let online = false;
    const cut = () => {
      online = true;
      this.#wake();
    };
    window.addEventListener("online", cut);
    while (this.going && !online && performance.now() < due) await this.#sleep(due - performance.now());
    window.removeEventListener("online", cut);
  }

  /** Resolves after a time, or without one, when something has changed. */
  #sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = milliseconds === null ? null : setTimeout(() => wake(), milliseconds);
      const wake = () => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve();
      };
      this.#wakes.add(wake);
    });
  }

  #wake() {
    for (const wake of [...this.#wakes]) wake();
  }
}

/** Whether it may be gone when tried again by the page itself. */
function passing(trouble) {
  return trouble.retryable && !LASTING.has(trouble.code);
}
