/** What is said about the connection while a session goes on, and when. */

import { stamp } from "./format.js";
import { lostSentence } from "./trouble.js";

/** From how many seconds on the text counts as behind, and below how many no longer. */
const BEHIND_S = 3;
const ABREAST_S = 2;

const TICK_MS = 1_000;

/** What keeps the microphone from being heard, and whether it is counted how long. */
const DEAF = {
  gone: ["The microphone is gone – plug one in to go on", true],
  interrupted: ["The microphone is interrupted – nothing is heard", true],
  muted: ["The microphone is muted – nothing is heard", false],
  soundless: ["The microphone gives no sound at all – is it muted?", false],
};

export class Signs {
  #hint;
  #notice;
  #ticking = null;
  #gone = false;

  /**
   * @param {import("./hint.js").Hint} hint
   * @param {import("./notice.js").Notice} notice
   */
  constructor(hint, notice) {
    this.#hint = hint;
    this.#notice = notice;
  }

  /** The session runs for the first time. */
  started() {
    this.#hint.hide();
    this.#notice.forget();
  }

  /** @param {() => number} unsent Seconds of audio that wait for a connection. */
  away(unsent) {
    const where = navigator.onLine ? "Connection lost" : "This device is offline";
    this.#gone = true;
    this.#hint.show("away", `${where} – keeping your words`);
    this.#tick(() => `${stamp(unsent())} kept`);
  }

  moving() {
    this.#hint.show("moving", "The server is being replaced – moving to another one");
  }

  /** @param {{start: number, end: number}|null} gap What could not be sent again. */
  back(gap) {
    this.#rest();
    this.#gone = false;
    if (gap === null) this.#hint.glance("back", "Back – no word was lost");
    else this.#hint.glance("back", "Back");
    if (gap !== null) this.#lost(gap);
  }

  /** @param {{place: number, seconds_left: number}} queued */
  queued({ place, seconds_left: left }) {
    const what = this.#gone ? "Back, but full – keeping your words, waiting" : "All places are taken – waiting";
    this.#hint.show(this.#gone ? "away" : "queued", `${what} as number ${place}`);
    const due = performance.now() + left * 1000;
    this.#tick(() => `${stamp(Math.max(0, (due - performance.now()) / 1000))} left`);
  }

  /** @param {number} seconds How far the recogniser is behind. */
  behind(seconds) {
    const { kind } = this.#hint;
    const free = kind === null || kind === "behind";
    if (free && seconds >= BEHIND_S) this.#hint.show("behind", "The text is behind your words", `${Math.round(seconds)} s`);
    else if (kind === "behind" && seconds < ABREAST_S) this.#hint.hide();
    else if (kind === "behind") this.#hint.detail(`${Math.round(seconds)} s`);
  }

  /**
   * @param {import("./hearing.js").Obstacle|null} obstacle What keeps the microphone from being heard.
   * @param {number} seconds How long nothing has come through.
   */
  microphone(obstacle, seconds) {
    const { kind } = this.#hint;
    const mine = kind === "microphone" || kind === "absent";
    // What is said of a broken connection matters more: that sound is not even sent.
    if (kind !== null && kind !== "behind" && kind !== "back" && !mine) return;
    if (obstacle === null) {
      if (mine) this.#hint.glance("back", "The microphone is heard again");
      return;
    }
    const [words, counted] = DEAF[obstacle];
    this.#hint.show(counted ? "absent" : "microphone", words, counted ? `${stamp(seconds)} not heard` : "");
  }

  /** @param {{code: string, warning: string}} message */
  warning({ code, warning }) {
    if (code === "recogniser_lost") this.#hint.show("recogniser", "The recogniser is away – your words are kept");
    else if (code === "recogniser_back") this.#hint.glance("back", "The recogniser is back and hears what it missed");
    else if (code === "recognition_moved") this.#hint.glance("back", "Another recogniser goes on");
    else this.#notice.mention("The server says", warning);
  }

  /** @param {number} most Seconds that can be kept. */
  full(most) {
    this.#notice.mention(
      "Listening has ended",
      `More than ${most} seconds of sound would have to wait to be sent, and no more are kept. What was said until now is sent as soon as it can be.`,
    );
  }

  /** The session is over, however it ended. */
  over() {
    this.#rest();
    this.#gone = false;
    this.#hint.hide();
  }

  #lost(span) {
    this.#notice.mention("Some words were lost", lostSentence(span));
  }

  #tick(text) {
    this.#rest();
    const tell = () => this.#hint.detail(text());
    this.#ticking = setInterval(tell, TICK_MS);
    tell();
  }

  #rest() {
    clearInterval(this.#ticking);
  }
}
