/**
 * Who the reader is to the gateway: a key or token that is kept in this page's memory and exchanged
 * for a single-use token before each connection.
 *
 * It is written nowhere. What storage of the browser holds, any script that ever runs under this
 * origin can read, also years later; what a variable of this module holds is gone with the page, and
 * what travels with a connection is good for that one alone.
 */

import { Trouble, exchangeTrouble, signInTrouble, tokenTrouble, unreachableTrouble } from "./trouble.js";

/** How long the page waits for a plain HTTP answer, in milliseconds. */
const ANSWER_MS = 10_000;

/** The contract's names (docs/contract.md). */
const TOKENS = "/v1/tokens";
const STATUS = "/ws/status";

/** A key that the gateway does not know any more is forgotten at these. */
const UNKNOWN = new Set(["unauthorized"]);

export class Login {
  #parts;
  #ask;
  #key = "";
  #required = false;

  /**
   * @param {object} parts
   * @param {HTMLFormElement} parts.form Shown while there is no key and one is asked for.
   * @param {HTMLInputElement} parts.field
   * @param {HTMLElement} parts.problem
   * @param {HTMLButtonElement} parts.signOut
   * @param {() => void} parts.onSignedIn
   * @param {typeof fetch} [ask]
   */
  constructor(parts, ask = (...request) => fetch(...request)) {
    this.#parts = parts;
    this.#ask = ask;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#signIn();
    });
    parts.signOut.addEventListener("click", () => this.#forget());
  }

  /** Find out whether the gateway asks who the reader is. One that cannot be asked is found out later. */
  async begin() {
    try {
      const answer = await this.#ask(STATUS, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      this.#required = (await answer.json()).token_required === true;
    } catch {
      return;
    }
    this.#show();
  }

  /**
   * A token for one connection; nothing where the gateway asks for none.
   * @returns {Promise<string>}
   * @throws {Trouble} When there is no key, or none that the gateway knows.
   */
  async token() {
    if (this.#key === "") {
      if (!this.#required) return "";
      this.#parts.field.focus();
      throw signInTrouble();
    }
    try {
      return await this.#exchange(this.#key);
    } catch (error) {
      if (error instanceof Trouble && UNKNOWN.has(error.code)) this.#forget();
      throw error;
    }
  }

  async #signIn() {
    const { field, problem } = this.#parts;
    const key = field.value.trim();
    problem.textContent = "";
    try {
      if (key === "") throw signInTrouble();
      // That it works is said now and not in the middle of a sentence.
      await this.#exchange(key);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      problem.textContent = `${error.title}. ${error.message}`;
      field.focus();
      return;
    }
    this.#key = key;
    this.#show();
    this.#parts.onSignedIn();
  }

  async #exchange(key) {
    const answer = await this.#post(key);
    if (!answer.ok) throw await exchangeTrouble(answer);
    return (await answer.json()).token;
  }

  async #post(key) {
    let request;
    try {
      request = {
        method: "POST",
        headers: new Headers({ Authorization: `Bearer ${key}`, "Content-Type": "application/json" }),
        body: JSON.stringify({ origin: window.location.origin }),
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.timeout(ANSWER_MS),
      };
    } catch {
      // A header cannot carry it.
      throw tokenTrouble();
    }
    try {
      return await this.#ask(TOKENS, request);
    } catch {
      throw unreachableTrouble();
    }
  }

  #forget() {
    this.#key = "";
    this.#show();
  }

  #show() {
    const { form, field, signOut } = this.#parts;
    const known = this.#key !== "";
    field.value = "";
    form.hidden = known || !this.#required;
    signOut.hidden = !known;
  }
}
