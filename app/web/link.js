/** One connection with the gateway, in dialect A of its contract (docs/contract.md). */

import { Trouble, closeTrouble, gatewayTrouble, refusedTrouble, silentTrouble, tokenTrouble } from "./trouble.js";

/** Waits of this module, in milliseconds. None is without an end. */
const OPEN_MS = 10_000;
const START_MS = 15_000;
/** For the next result after a stop: the last words may be many. */
const STOP_MS = 30_000;

/** For the close that follows an end which the gateway made by its own wish. */
const CLOSE_MS = 5_000;

/** How far the gateway's count of a whole session's audio may be from the page's, in seconds. */
const ROUNDING_S = 0.1;

/** How often the round trip is measured. */
const PING_MS = 5_000;

/** How often it is looked whether the gateway is still heard, and how many heartbeats it may miss. */
const LISTEN_MS = 1_000;
const MISSED_HEARTBEATS = 3;

/** How long the page is ready to wait for a place, in seconds. */
const PATIENCE_S = 60;

/** Error codes after which the connection stays open but no session runs on it. */
const SESSION_OVER = new Set(["asr_rejected", "audio_before_start", "no_active_session"]);

/** What a gateway says to a stop or to sound that meets an end it makes by its own wish. */
const ENDS_ALREADY = new Set(["audio_before_start", "no_active_session"]);

/** Results of a session, which also show that its end is getting nearer. */
const RESULTS = new Set(["partial", "transcription"]);

/** The gateway's address on the page's own host. */
export function gatewayUrl(location = window.location) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws?wait=${PATIENCE_S}`;
}

/**
 * A browser cannot put a header on a WebSocket, so the access token travels as a subprotocol; the
 * gateway selects the other one and never echoes it.
 */
function subprotocols(token) {
  return token === "" ? [] : ["perch", `bearer.${token}`];
}

/**
 * Handlers: `message(message)` for everything that is not an answer to a step below; `pinged()` and
 * `ponged()`; and `ended(trouble)` once, only when it ends unasked and nobody waits for a step.
 */
export class Link {
  #socket = null;
  #handlers;
  #waits = new Map();
  #lastError = null;
  #stopped = null;
  #state = "new"; // new, opening, open, starting, live, stopping, cut, over
  #timers = [];
  #heardAt = 0;
  #token = "";

  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Whether audio is taken. */
  get live() {
    return this.#state === "live";
  }

  /** Whether the gateway ended the session by its own wish; its reason and the close follow. */
  get cut() {
    return this.#state === "cut";
  }

  /** Bytes handed to the browser that have not left this machine. */
  get backlog() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /**
   * Connect.
   * @param {string} token Access token, or nothing where the gateway asks for none.
   * @returns {Promise<object>} The hello.
   * @throws {Trouble} When the server cannot be reached or lets nobody in.
   */
  async open(token) {
    this.#state = "opening";
    this.#token = token;
    const socket = socketTo(gatewayUrl(), token);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#received(event.data));
    socket.addEventListener("close", (event) => this.#closed(event.code));
    return this.#wait("connection", OPEN_MS, "The server did not answer the connection in time.");
  }

  /**
   * Start a session.
   * @param {object} options Fields of `start_transcription`, without `type`.
   * @returns {Promise<object>} `session_started`.
   * @throws {Trouble} When the server is busy or says no.
   */
  async start(options) {
    this.#state = "starting";
    this.#send({ type: "start_transcription", ...options });
    const started = await this.#wait("session_started", START_MS, "The server did not start a session in time.");
    this.#state = "live";
    this.#timers.push(setInterval(() => this.#ping(), PING_MS));
    this.#ping();
    return started;
  }

  /**
   * From now on the connection counts as lost when heartbeats fail to come. A network that has
   * vanished closes nothing; without them nobody would know.
   * @param {number} heartbeat Seconds between two.
   */
  expectHeartbeats(heartbeat) {
    const most = heartbeat * MISSED_HEARTBEATS * 1000;
    const listen = () => {
      if (performance.now() - this.#heardAt > most) this.#overWith(silentTrouble());
    };
    this.#timers.push(setInterval(listen, LISTEN_MS));
  }

  /** @param {ArrayBuffer} frame 16-bit PCM. Harmless when the link is not live. */
  sendAudio(frame) {
    if (this.live) this.#socket.send(frame);
  }

  /**
   * Ask for the last words and wait until the gateway has given them all. It may have begun to end
   * the session by its own wish, and then hears no more of what was sent.
   * @param {number} seconds Audio of the whole session that it must have heard.
   * @throws {Trouble} When it heard less, the connection breaks or the last words do not come in time.
   */
  async stop(seconds) {
    if (this.live) {
      this.#state = "stopping";
      this.#send({ type: "stop_transcription" });
      await this.#wait("session_stopped", STOP_MS, "The server did not give the last words in time.");
    }
    if (this.#stopped.audio_seconds < seconds - ROUNDING_S) await this.#whyItEnded();
    this.close();
  }

  /** Close without waiting for anything; no handler is called any more, and open waits are given up. */
  close() {
    if (this.#state === "over") return;
    this.#over();
    const given = new Trouble("cancelled", "Stopped", "The session was given up before it began.");
    for (const name of [...this.#waits.keys()]) this.#fail(name, given);
  }

  #over() {
    this.#state = "over";
    this.#timers.forEach(clearInterval);
    this.#socket?.close(1000);
  }

  #ping() {
    this.#send({ type: "ping" });
    this.#handlers.pinged();
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #received(data) {
    if (this.#state === "over") return;
    this.#heardAt = performance.now();
    const message = parsed(data);
    switch (message?.type) {
      case "connection":
        this.#state = "open";
        return this.#settle("connection", message);
      case "session_started":
        return this.#settle("session_started", message);
      case "session_stopped":
        return this.#ended(message);
      case "pong":
        return this.#handlers.ponged();
      case "error":
        return this.#refused(message);
      case "queued":
        this.#extend("session_started", message.seconds_left * 1000 + START_MS);
        return this.#handlers.message(message);
      default:
        if (RESULTS.has(message?.type)) this.#extend("session_stopped", STOP_MS);
        return this.#handlers.message(message);
    }
  }

  #ended(message) {
    this.#stopped = message;
    // Unasked, it means that the server finalised the session on its own account (it drains, or the
    // session grew too long): its reason and the close follow, and sound sent now would be lost.
    if (this.live) {
      this.#state = "cut";
      this.#expectClose();
    }
    this.#settle("session_stopped");
  }

  /** @throws {Trouble} The reason, which follows an end that the gateway made by its own wish. */
  async #whyItEnded() {
    if (!this.cut) this.#expectClose();
    await new Promise((_, reject) => this.#waits.set("close", { reject }));
  }

  #expectClose() {
    this.#timers.push(setTimeout(() => this.#overWith(silentTrouble()), CLOSE_MS));
  }

  #refused(message) {
    // Its own end is on the way, with the last words before it and the reason behind.
    if ((this.cut || this.#state === "stopping") && ENDS_ALREADY.has(message.code)) return;
    this.#lastError = message;
    const trouble = gatewayTrouble(message);
    // While an answer is being waited for, the error is the answer.
    if (this.#state === "starting") this.#fail("session_started", trouble);
    else if (SESSION_OVER.has(message.code)) this.#overWith(trouble);
    // What is left ends nothing by itself; should a close follow, it will carry these words.
    else this.#handlers.message(message);
  }

  /** End for a reason: told to whoever waits for something, or else to the owner. */
  #overWith(trouble) {
    if (this.#state === "over") return;
    const waiting = [...this.#waits.keys()];
    this.#over();
    if (waiting.length === 0) this.#handlers.ended(trouble);
    for (const name of waiting) this.#fail(name, trouble);
  }

  async #closed(code) {
    if (this.#state === "over") return;
    // Closed before the hello, it was refused; a browser does not say with which status.
    const trouble = this.#state === "opening" ? await refusedTrouble(this.#token) : closeTrouble(code, this.#lastError);
    this.#overWith(trouble);
  }

  /** A promise for one expected event, with a deadline. */
  #wait(name, milliseconds, sentence) {
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#fail(name, new Trouble("timeout", "The server is too slow", sentence, { retryable: true }));
        this.close();
      };
      this.#waits.set(name, { resolve, reject, late, timer: setTimeout(late, milliseconds) });
    });
  }

  /** The deadline of a wait begins anew. */
  #extend(name, milliseconds) {
    const wait = this.#waits.get(name);
    if (wait === undefined) return;
    clearTimeout(wait.timer);
    wait.timer = setTimeout(wait.late, milliseconds);
  }

  #settle(name, value) {
    this.#waiting(name)?.resolve(value);
  }

  #fail(name, trouble) {
    this.#waiting(name)?.reject(trouble);
  }

  #waiting(name) {
    const wait = this.#waits.get(name);
    this.#waits.delete(name);
    clearTimeout(wait?.timer);
    return wait;
  }
}

function socketTo(url, token) {
  try {
    return new WebSocket(url, subprotocols(token));
  } catch {
    // The address is our own, so it can only be the token that the browser does not take.
    throw tokenTrouble();
  }
}

function parsed(data) {
  if (typeof data !== "string") return null;
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
