/**
 * One quiet line about the connection, above the words. It is read out politely; what changes every
 * second stands beside it and is only seen.
 */

/** How long good news stays, in milliseconds. */
const GLANCE_MS = 5_000;

export class Hint {
  #parts;
  #timer = null;

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.line
   * @param {HTMLElement} parts.words A polite live region.
   * @param {HTMLElement} parts.detail Not read out.
   * @param {HTMLButtonElement} parts.giveUp Offered while there is no connection, or no microphone.
   * @param {() => void} parts.onGiveUp
   */
  constructor(parts) {
    this.#parts = parts;
    parts.giveUp.addEventListener("click", parts.onGiveUp);
  }

  /** Whether something is on show that lasts. */
  get kind() {
    return this.#parts.line.dataset.kind ?? null;
  }

  /** Something that lasts until something else is said. */
  show(kind, words, detail = "") {
    const { line, giveUp } = this.#parts;
    clearTimeout(this.#timer);
    line.dataset.kind = kind;
    line.hidden = false;
    giveUp.hidden = kind !== "away" && kind !== "absent";
    // Unchanged words are not set again: they would be read out again.
    if (this.#parts.words.textContent !== words) this.#parts.words.textContent = words;
    this.detail(detail);
  }

  /** Something that is good to know for a moment. */
  glance(kind, words) {
    this.show(kind, words);
    this.#timer = setTimeout(() => this.hide(), GLANCE_MS);
  }

  detail(text) {
    this.#parts.detail.textContent = text;
  }

  hide() {
    const { line, words, detail } = this.#parts;
    clearTimeout(this.#timer);
    line.hidden = true;
    delete line.dataset.kind;
    words.textContent = "";
    detail.textContent = "";
  }
}
