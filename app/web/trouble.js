/** Everything that can go wrong, in words a person can act on. */

import { moment } from "./format.js";

/** An error whose `title` and `message` are meant to be read on the page. */
export class Trouble extends Error {
  /**
   * @param {string} kind A short machine name, for styling and tests.
   * @param {string} title What happened, in a few words.
   * @param {string} message What it means and what to do.
   * @param {object} [how]
   * @param {boolean} [how.retryable] Whether trying the same again can help.
   * @param {number|null} [how.retryAfter] Seconds the server asked to be left alone, or null.
   * @param {string|null} [how.code] The gateway's error code, where it gave one.
   */
  constructor(kind, title, message, { retryable = false, retryAfter = null, code = null } = {}) {
    super(message);
    this.name = "Trouble";
    this.kind = kind;
    this.title = title;
    this.retryable = retryable;
    this.retryAfter = retryAfter;
    this.code = code;
  }
}

/**
 * Why the microphone could not be opened.
 * @param {unknown} error What getUserMedia or the audio graph threw.
 */
export function microphoneTrouble(error) {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return new Trouble(
        "microphone-refused",
        "The microphone is blocked",
        "This page may not use the microphone. Allow it in the browser's site settings (usually the icon beside the address) and start again. A recording can be transcribed without it.",
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return new Trouble(
        "microphone-missing",
        "No microphone found",
        "This device has no microphone that the browser can see. Plug one in and start again, or open a recording instead.",
      );
    case "NotReadableError":
    case "AbortError":
      return new Trouble(
        "microphone-taken",
        "The microphone did not start",
        "Another program may be using it, or it was unplugged just now. Close that program, or choose another microphone in the browser, and start again.",
        { retryable: true },
      );
    default:
      return new Trouble(
        "microphone-failed",
        "The microphone could not be used",
        `The browser gave this reason: ${error instanceof Error ? error.message : String(error)}.`,
        { retryable: true },
      );
  }
}

/**
 * A microphone that was heard and is so no longer.
 * @param {"gone"|"interrupted"} obstacle
 */
export function microphoneLostTrouble(obstacle) {
  const [title, why] =
    obstacle === "gone"
      ? ["The microphone is gone", "It was unplugged, or taken back by the browser or the system."]
      : ["The microphone was interrupted", "A call, another program or a sleeping device may have taken it."];
  return new Trouble(
    "microphone-lost",
    title,
    `${why} Nothing has been heard since, so listening was ended. What was said before is above.`,
    { retryable: true },
  );
}

/** The page was opened over plain HTTP from another machine, where browsers hide the microphone. */
export function insecureTrouble() {
  return new Trouble(
    "insecure",
    "The microphone needs a secure page",
    "Browsers lend the microphone only to pages opened over https, or from this same machine. Open this page by its https address; a recording can be transcribed here all the same.",
  );
}

/**
 * Why the connection ended, from its close code and the last error message before it.
 * @param {number} code WebSocket close code.
 * @param {{error?: string, retryable?: boolean, retry_after?: number|null}|null} said The gateway's
 *   own words, which know more than the code does.
 */
export function closeTrouble(code, said) {
  if (OWN_WORDS.has(said?.code)) return gatewayTrouble(said);
  const how = howOf(said, true);
  const words = said?.error ? ` It said: “${said.error}”.` : "";
  switch (code) {
    case 1013:
      return busyTrouble(said?.error, how);
    case 1001:
    case 1012:
      return new Trouble(
        "restarting",
        "The server is restarting",
        `It closed the connection to do so. What is settled above is kept.${words}`,
        how,
      );
    case 1007:
    case 1008:
    case 1009:
      return new Trouble(
        "refused",
        "The server refused to go on",
        `It closed the connection with code ${code}.${words}`,
        howOf(said, false),
      );
    case 1011:
      return new Trouble(
        "server-failed",
        "The server had a fault",
        `It could not go on with this session. What is settled above is kept.${words}`,
        how,
      );
    default:
      return new Trouble(
        "lost",
        "The connection was lost",
        `What is settled above is kept; words that were still changing may be incomplete.${words}`,
        how,
      );
  }
}

/**
 * @param {string|undefined} reason The server's own words.
 * @param {{retryAfter: number|null, code: string|null}} how
 */
export function busyTrouble(reason, { retryAfter, code }) {
  const why = reason ? ` It says: “${reason}”.` : "";
  return new Trouble(
    "busy",
    "The server is busy",
    `It cannot take another session just now.${why}${whenAgain(retryAfter)}`,
    { retryable: true, retryAfter, code },
  );
}

function whenAgain(retryAfter) {
  return retryAfter ? ` It asks to be tried again in ${Math.ceil(retryAfter)} seconds.` : " Try again in a moment.";
}

function switchedOffTrouble({ retryAfter, code }) {
  return new Trouble(
    "switched-off",
    "Recognition is switched off",
    `The operator of this server has switched it off, so nothing is heard just now. What is settled above is kept.${whenAgain(retryAfter)}`,
    { retryable: true, retryAfter, code },
  );
}

/** What the server said of trying again. */
function howOf(said, retryable) {
  return {
    retryable: said?.retryable ?? retryable,
    retryAfter: said?.retry_after ?? null,
    code: said?.code ?? null,
  };
}

/** Nothing came for so long that there cannot be anybody: the network has vanished unnoticed. */
export function silentTrouble() {
  return new Trouble("silent", "The connection was lost", "Nothing was heard of the server any more.", {
    retryable: true,
  });
}

/** A gateway that cannot go on with a session of another one; the next one met may be able to. */
export function cannotResumeTrouble() {
  return new Trouble(
    "cannot-resume",
    "The session cannot be gone on with",
    "The server that answered cannot go on with a session of another one.",
    { retryable: true },
  );
}

/**
 * The same trouble, with what it has cost.
 * @param {Trouble} trouble
 * @param {{start: number, end: number}|null} span Seconds of the session; null where nothing was lost.
 */
export function withLoss(trouble, span) {
  const cost = span === null ? "Every word until then is settled." : lostSentence(span);
  return new Trouble(trouble.kind, trouble.title, `${trouble.message} ${cost}`, trouble);
}

/** @param {{start: number, end: number}} span Seconds of the session. */
export function lostSentence({ start, end }) {
  return `Words spoken between ${moment(start)} and ${moment(end)} are missing, or were never settled.`;
}

/** The key or token cannot be sent; its characters are not those of one. */
export function tokenTrouble() {
  return new Trouble("token", "That is no key or token", "It has characters that none can have. Copy it once more, whole and alone.");
}

/** The server asks who speaks, and nobody has said so yet. */
export function signInTrouble() {
  return new Trouble("sign-in", "Sign in first", "This server asks for an API key or a token. Whoever runs it gives you one.");
}

/**
 * Why there is no token for a connection, from the answer to the request for one.
 * @param {Response} answer
 * @returns {Promise<Trouble>}
 */
export async function exchangeTrouble(answer) {
  const said = await saidIn(answer);
  const how = howOf(said, answer.status >= 500);
  if (answer.status === 401) {
    const message = "It may be mistyped, revoked or past its end. Whoever runs this server can give you another one.";
    return new Trouble("unknown-key", "The server does not know this key", message, how);
  }
  if (answer.status === 429 || answer.status === 503) return busyTrouble(said?.error, how);
  const words = said?.error ? ` It said: “${said.error}”.` : "";
  return new Trouble("not-allowed", "The server gave no access", `Its answer was ${answer.status}.${words}`, how);
}

async function saidIn(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

/** Error codes of the contract that mean "not now" rather than "not like this". */
const BUSY_CODES = new Set([
  "asr_unavailable",
  "asr_overloaded",
  "too_many_sessions",
  "too_many_connections",
  "too_many_client_sessions",
  "too_many_client_connections",
  "too_many_new_sessions",
  "too_many_resumes",
  "too_many_tokens",
  "waiting_room_full",
  "draining",
]);

/** Error codes that say more than the close code after them. */
const OWN_WORDS = new Set([...BUSY_CODES, "recognition_off"]);

/**
 * An error message of the gateway that ends what the page was doing.
 * @param {{error: string, code?: string, retryable?: boolean, retry_after?: number|null}} said
 */
export function gatewayTrouble(said) {
  const how = howOf(said, false);
  if (said.code === "recognition_off") return switchedOffTrouble(how);
  if (BUSY_CODES.has(said.code)) return busyTrouble(said.error, how);
  return new Trouble("gateway-error", "The server could not do that", `It said: “${said.error}”.`, how);
}

/** How long the page waits for a plain HTTP answer, in milliseconds. */
const PROBE_MS = 5000;

/**
 * Why a WebSocket did not open. A browser hides the HTTP status of a refused upgrade from the page,
 * so the gateway's readiness is asked instead: the next best witness. It tells its reasons to who
 * shows a token for them; to others it says yes or no.
 * @param {string} [token] Access token, or nothing where the gateway asks for none.
 * @param {typeof fetch} [ask]
 * @returns {Promise<Trouble>}
 */
export async function refusedTrouble(token = "", ask = fetch) {
  let answer;
  try {
    const headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
    answer = await ask("/readyz", { headers, cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) });
  } catch {
    return unreachableTrouble();
  }
  if (answer.status === 503 || answer.status === 429) {
    return busyTrouble(await reasonIn(answer), { retryAfter: retryAfterIn(answer), code: null });
  }
  if (answer.ok) {
    return new Trouble(
      "refused",
      "The server refused the connection",
      "It is running and ready, but did not accept this session. This device or its network may have as many sessions as one may have, or the last place was taken in this very moment.",
      { retryable: true },
    );
  }
  return new Trouble(
    "unready",
    "The server is not working properly",
    `Asked whether it is ready, it answered with status ${answer.status}.`,
    { retryable: true },
  );
}

/** Nobody answers. */
export function unreachableTrouble() {
  return new Trouble(
    "unreachable",
    "The server cannot be reached",
    navigator.onLine
      ? "It gave no answer at all. It may be down, or the network may be in the way."
      : "This device is offline. Connect it to the network and try again.",
    { retryable: true },
  );
}

async function reasonIn(answer) {
  try {
    const { reasons } = await answer.json();
    return reasons.join("; ");
  } catch {
    return undefined;
  }
}

function retryAfterIn(answer) {
  const seconds = Number(answer.headers.get("Retry-After") ?? "");
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}
