/** One transcription session with the gateway, in dialect A of its contract (docs/contract.md). */

import { Trouble, closeTrouble, gatewayTrouble, refusedTrouble, tokenTrouble } from "./trouble.js";

/** Waits of this module, in milliseconds. None is without an end. */
const OPEN_MS = 10_000;
const START_MS = 15_000;
const STOP_MS = 30_000;

/** How often a full socket is looked at again; browsers send no event when it drains. */
const DRAIN_POLL_MS = 20;

/** How often the round trip is measured. */
const PING_MS = 5_000;

/** Error codes after which the connection stays open but no session runs on it. */
const SESSION_OVER = new Set(["asr_rejected", "audio_before_start", "no_active_session"]);

/** The gateway's address on the page's own host. */
export function gatewayUrl(location = window.location) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws`;
}

/**
 * A browser cannot put a header on a WebSocket, so the access token travels as a subprotocol; the
 * gateway selects the other one and never echoes it.
 */
function subprotocols(token) {
  return token === "" ? [] : ["perch", `bearer.${token}`];
}

/**
 * Handlers: `interim(message)`, `final(message)`, `notice(sentence)` for what the
 * session survives, `ping()`, `pong()`, and `ended(trouble)` once, only when the session ends unasked.
 */
export class Session {
  #socket = null;
  #handlers;
  #waits = new Map();
  #lastError = null;
  #state = "new"; // new, opening, starting, live, stopping, cut, over
  #pinging = null;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  get live() {
    return this.#state === "live";
  }

  /** Bytes handed to the browser that have not left this machine. */
  get backlog() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /**
   * Connect and start.
   * @param {object} start Fields of `start_transcription`, without `type`.
   * @param {string} token Access token, or nothing where the gateway asks for none.
   * @throws {Trouble} When the server cannot be reached, is busy or says no.
   */
  async open(start, token = "") {
    this.#state = "opening";
    const socket = socketTo(gatewayUrl(), token);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("open", () => this.#settle("open"));
    socket.addEventListener("message", (event) => this.#received(event.data));
    socket.addEventListener("close", (event) => this.#closed(event.code));
    await this.#wait("open", OPEN_MS, "The server did not answer the connection in time.");
    this.#state = "starting";
    this.#send({ type: "start_transcription", ...start });
    await this.#wait("session_started", START_MS, "The server did not start a session in time.");
    this.#state = "live";
    this.#pinging = setInterval(() => this.#ping(), PING_MS);
    this.#ping();
  }

  /**
   * Send one frame; harmless once the session is over, since the end is told by `ended`.
   * @param {ArrayBuffer} frame 16-bit PCM.
   */
  sendAudio(frame) {
    if (this.#state === "live") this.#socket.send(frame);
  }

  /** Resolves when no more than `bytes` wait to be sent, or the session is no longer live. */
  async drainedTo(bytes) {
    while (this.live && this.backlog > bytes) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  /**
   * Ask for the last words and wait until the gateway has given them all.
   * @throws {Trouble} When the connection breaks or the last words do not come in time.
   */
  async finish() {
    if (this.#state !== "live") return;
    this.#state = "stopping";
    this.#send({ type: "stop_transcription" });
    await this.#wait("session_stopped", STOP_MS, "The server did not give the last words in time.");
    this.close();
  }

  /** Close without waiting for anything; no handler is called any more, and open waits are given up. */
  close() {
    if (this.#state === "over") return;
    this.#over();
    this.#socket?.close(1000);
    const given = new Trouble("cancelled", "Stopped", "The session was given up before it began.");
    for (const name of [...this.#waits.keys()]) this.#fail(name, given);
  }

  #over() {
    this.#state = "over";
    clearInterval(this.#pinging);
  }

  #ping() {
    this.#send({ type: "ping" });
    this.#handlers.ping();
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #received(data) {
    if (this.#state === "over") return;
    const message = parsed(data);
    switch (message?.type) {
      case "partial":
        return this.#handlers.interim(message);
      case "transcription":
        return this.#handlers.final(message);
      case "pong":
        return this.#handlers.pong();
      case "session_started":
        return this.#settle("session_started");
      case "session_stopped":
        return this.#stopped();
      case "warning":
        return this.#handlers.notice(message.warning);
      case "error":
        return this.#refused(message);
      default:
        // The contract may grow: a type this page does not know is not an error.
        return undefined;
    }
  }

  #stopped() {
    // Unasked, it means that the server finalised the session on its own account (it drains, or the
    // session grew too long): its reason and the close follow, and sound sent now would be lost.
    if (this.#state === "live") this.#state = "cut";
    this.#settle("session_stopped");
  }

  #refused(message) {
    this.#lastError = message;
    const trouble = gatewayTrouble(message);
    // While an answer is being waited for, the error is the answer.
    if (this.#state === "starting") this.#fail("session_started", trouble);
    else if (SESSION_OVER.has(message.code)) this.#overWith(trouble);
    // What is left ends nothing by itself; should a close follow, it will carry these words.
    else this.#handlers.notice(message.error);
  }

  /** End the session for a reason: to whoever waits for something, or else to the page. */
  #overWith(trouble) {
    const waiting = [...this.#waits.keys()];
    this.#over();
    this.#socket.close(1000);
    if (waiting.length === 0) this.#handlers.ended(trouble);
    for (const name of waiting) this.#fail(name, trouble);
  }

  async #closed(code) {
    if (this.#state === "over") return;
    if (this.#state === "opening") {
      this.#over();
      this.#fail("open", await refusedTrouble());
      return;
    }
    this.#overWith(closeTrouble(code, this.#lastError));
  }

  /** A promise for one expected event, with a deadline. */
  #wait(name, milliseconds, sentence) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(name, new Trouble("timeout", "The server is too slow", sentence, { retryable: true }));
        this.close();
      }, milliseconds);
      this.#waits.set(name, { resolve, reject, timer });
    });
  }

  #settle(name) {
    const wait = this.#waits.get(name);
    if (wait === undefined) return;
    this.#waits.delete(name);
    clearTimeout(wait.timer);
    wait.resolve();
  }

  #fail(name, trouble) {
    const wait = this.#waits.get(name);
    if (wait === undefined) return;
    this.#waits.delete(name);
    clearTimeout(wait.timer);
    wait.reject(trouble);
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
