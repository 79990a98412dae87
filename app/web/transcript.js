/**
 * The transcript: what was heard, as data to copy and save, and as lines on the page.
 *
 * A line belongs to one segment. While the segment is interim its line is redrawn; once final it is
 * settled and made of words that can be pointed at or reached with the arrow keys, each telling
 * when it was said and how sure the recogniser was. What the recogniser did not say is not shown.
 */

import { span, stamp, sureness } from "./format.js";
import { placed } from "./words.js";

/** Below this confidence a word is marked as doubtful. */
const DOUBTFUL = 0.5;

export class Transcript {
  #list;
  #tip;
  #announcer;
  #onChange;
  #segments = new Map();
  #run = 0;
  #current = null;

  /**
   * @param {object} parts
   * @param {HTMLOListElement} parts.list Takes one item a segment.
   * @param {HTMLElement} parts.tip The tooltip that describes one word.
   * @param {HTMLElement} parts.announcer A polite live region: finals are read out, interims never.
   * @param {() => void} parts.onChange Called after every change.
   */
  constructor({ list, tip, announcer, onChange }) {
    this.#list = list;
    this.#tip = tip;
    this.#announcer = announcer;
    this.#onChange = onChange;
    list.addEventListener("pointerover", (event) => {
      this.#show(event.target.closest(".word") ?? this.#focused());
    });
    list.addEventListener("pointerleave", () => this.#show(this.#focused()));
    list.addEventListener("focusin", (event) => this.#focus(event.target.closest(".word")));
    list.addEventListener("focusout", () => this.#hide());
    list.addEventListener("keydown", (event) => this.#key(event));
    window.addEventListener("scroll", () => this.#show(this.#focused()), { passive: true });
  }

  get empty() {
    return this.#segments.size === 0;
  }

  /** Segment numbers start again in every session, so lines are kept apart by session. */
  begin() {
    this.#run += 1;
  }

  /**
   * The session goes on from a segment, which with all after it is said once more: what was shown
   * of them is taken away, but for the line that was being spoken, which is merely redrawn.
   */
  rewind(id) {
    for (const [key, segment] of [...this.#segments]) {
      const again = segment.run === this.#run && segment.id >= id;
      if (again && (segment.final || segment.id > id)) this.#remove(key);
    }
    this.#onChange();
  }

  /** The session is over: a line that never became final is marked, not passed off as settled. */
  end() {
    for (const segment of this.#segments.values()) {
      if (!segment.final) segment.line.classList.replace("interim", "unsettled");
    }
  }

  clear() {
    this.#segments.clear();
    this.#list.replaceChildren();
    this.#current = null;
    this.#hide();
    this.#onChange();
  }

  interim(message) {
    const segment = this.#segment(message.segment_id);
    if (segment.final) return;
    segment.text = message.text;
    segment.body.textContent = message.text;
    this.#onChange();
  }

  final(message) {
    if (message.text.trim() === "") {
      this.#drop(message.segment_id);
      return;
    }
    const segment = this.#segment(message.segment_id);
    Object.assign(segment, {
      final: true,
      text: message.text,
      words: message.words ?? [],
      confidence: message.confidence ?? null,
    });
    segment.line.className = "line settled";
    const start = segment.words[0]?.start ?? null;
    segment.time.textContent = start === null ? "" : stamp(start);
    segment.body.replaceChildren(...this.#worded(segment));
    this.#announce(message.text);
    this.#onChange();
  }

  /** Finals as plain text, one line each; an unsettled rest stands in brackets. */
  text() {
    return this.#kept().map(({ final, text }) => (final ? text : `[${text}]`)).join("\n");
  }

  /** Finals as data: text, words and confidences exactly as the gateway sent them. */
  data() {
    return this.#kept()
      .filter(({ final }) => final)
      .map(({ run, text, words, confidence }) => ({ session: run, text, confidence, words }));
  }

  #kept() {
    return [...this.#segments.values()].filter(({ text }) => text.trim() !== "");
  }

  #keyOf(id) {
    return `${this.#run}:${id}`;
  }

  #segment(id) {
    const key = this.#keyOf(id);
    const known = this.#segments.get(key);
    if (known !== undefined) return known;
    const line = element("li", "line interim");
    const time = element("span", "time");
    const body = element("p", "body");
    // The text may be in any language, also one that is written from right to left.
    body.dir = "auto";
    line.append(time, body);
    this.#list.append(line);
    const segment = { run: this.#run, id, line, time, body, text: "", words: [], final: false };
    this.#segments.set(key, segment);
    return segment;
  }

  #drop(id) {
    this.#remove(this.#keyOf(id));
    this.#onChange();
  }

  #remove(key) {
    const line = this.#segments.get(key)?.line;
    if (line?.contains(this.#current)) this.#current = null;
    line?.remove();
    this.#segments.delete(key);
  }

  #announce(text) {
    const spoken = element("p");
    spoken.textContent = text;
    this.#announcer.append(spoken);
    // Old announcements were read long ago; the region need not grow with the session.
    while (this.#announcer.childElementCount > 20) this.#announcer.firstElementChild.remove();
  }

  /** A final's text, its words wrapped wherever the gateway named them. */
  #worded({ text, words }) {
    return placed(text, words).map(({ text: part, word }) => (word ? this.#word(part, word) : part));
  }

  #word(text, word) {
    const node = element("span", "word");
    node.textContent = text;
    node.dataset.tip = described(word);
    // One tab stop for the whole transcript; the arrow keys move from word to word.
    node.tabIndex = this.#current === null ? 0 : -1;
    this.#current ??= node;
    if (typeof word.confidence === "number" && word.confidence < DOUBTFUL) {
      node.classList.add("doubtful");
    }
    return node;
  }

  #focused() {
    const active = document.activeElement;
    return active?.classList.contains("word") ? active : null;
  }

  #focus(word) {
    if (word === null) return;
    if (this.#current !== null) this.#current.tabIndex = -1;
    this.#current = word;
    word.tabIndex = 0;
    this.#show(word);
  }

  #key(event) {
    const word = event.target.closest(".word");
    if (word === null) return;
    const words = [...this.#list.querySelectorAll(".word")];
    const here = words.indexOf(word);
    const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: words.length - 1 }[event.key];
    if (event.key === "Escape") this.#hide();
    else if (there !== undefined) words[there]?.focus();
    else return;
    event.preventDefault();
  }

  #show(word) {
    this.#hide();
    if (word === null || word.dataset.tip === "") return;
    this.#tip.textContent = word.dataset.tip;
    this.#tip.hidden = false;
    word.setAttribute("aria-describedby", this.#tip.id);
    const { left, width, top } = word.getBoundingClientRect();
    const half = this.#tip.offsetWidth / 2;
    const middle = Math.min(Math.max(left + width / 2, half + 8), window.innerWidth - half - 8);
    this.#tip.style.left = `${middle}px`;
    this.#tip.style.top = `${top}px`;
  }

  #hide() {
    this.#tip.hidden = true;
    this.#list.querySelector("[aria-describedby]")?.removeAttribute("aria-describedby");
  }
}

/** When a word was said, and how sure the recogniser was if it said so. */
function described({ start, end, confidence }) {
  return [span(start, end), sureness(confidence)].filter(Boolean).join(" · ");
}

function element(tag, className = "") {
  const node = document.createElement(tag);
  node.className = className;
  return node;
}
