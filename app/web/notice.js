/** The banner that says what went wrong and, where it can help, offers to try again. */

/** The longest the page asks a person to wait before trying again, in seconds. */
const LONGEST_S = 30;

/**
 * How long to wait before another try: what the server asked for, else doubling from one second.
 * @param {number} failures How many tries failed in a row, the last one included.
 * @param {number|null} retryAfter Seconds the server asked for, or null.
 */
export function backoff(failures, retryAfter) {
  return Math.ceil(retryAfter ?? Math.min(LONGEST_S, 2 ** (failures - 1)));
}

export class Notice {
  #parts;
  #timer = null;
  #failures = 0;
  #again = () => {};

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.banner
   * @param {HTMLElement} parts.title
   * @param {HTMLElement} parts.message
   * @param {HTMLButtonElement} parts.retry
   * @param {HTMLButtonElement} parts.dismiss
   */
  constructor(parts) {
    this.#parts = parts;
    parts.retry.addEventListener("click", () => this.#again());
    parts.dismiss.addEventListener("click", () => this.hide());
  }

  /**
   * @param {import("./trouble.js").Trouble} trouble
   * @param {() => void} again What trying again means.
   */
  show(trouble, again) {
    const { banner, title, message, retry } = this.#parts;
    this.#failures += 1;
    this.#again = again;
    clearTimeout(this.#timer);
    banner.dataset.kind = trouble.kind;
    // Shown first: an alert is read out when text enters it, not when it stops being hidden.
    banner.hidden = false;
    title.textContent = trouble.title;
    message.textContent = trouble.message;
    retry.hidden = !trouble.retryable;
    if (trouble.retryable) this.#countDown(backoff(this.#failures, trouble.retryAfter));
  }

  /** Something worth knowing that ends nothing. */
  mention(title, message) {
    const parts = this.#parts;
    clearTimeout(this.#timer);
    parts.banner.dataset.kind = "mention";
    parts.banner.hidden = false;
    parts.title.textContent = title;
    parts.message.textContent = message;
    parts.retry.hidden = true;
  }

  /** It worked: the next failure is the first again. */
  forget() {
    this.#failures = 0;
    this.hide();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#parts.banner.hidden = true;
  }

  #countDown(seconds) {
    const { retry } = this.#parts;
    retry.disabled = seconds > 0;
    retry.textContent = seconds > 0 ? `Try again in ${seconds} s` : "Try again";
    if (seconds > 0) this.#timer = setTimeout(() => this.#countDown(seconds - 1), 1000);
  }
}
