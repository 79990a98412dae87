/**
 * The sound level, drawn as bars along the wire: the newest in the middle, where the button sits,
 * older ones drifting to both sides. People who asked for less motion get one still bar instead.
 */

import { levelDbfs } from "./pcm.js";

/** The range of levels that is drawn, in dBFS: from a quiet room to a loud voice. */
const QUIETEST = -60;
const LOUDEST = -8;

/** Bar and gap, in CSS pixels. */
const BAR = 3;
const PITCH = 6;

/** How often a still meter and the spoken value change, in milliseconds. */
const CALM_MS = 500;

export class Meter {
  #levels = [];
  #latest = 0;
  #running = false;
  #told = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} meter The element with role meter.
   * @param {HTMLElement} button What sits on the middle of the wire; bars begin at its sides.
   */
  constructor(canvas, meter, button) {
    this.canvas = canvas;
    this.button = button;
    this.meter = meter;
    this.context = canvas.getContext("2d");
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    window.addEventListener("resize", () => this.#draw());
  }

  /** @param {Float32Array} frame The sound just sent. */
  push(frame) {
    const level = levelDbfs(frame);
    this.#latest = Math.max(0, Math.min(1, (level - QUIETEST) / (LOUDEST - QUIETEST)));
    this.#add(this.#latest);
    this.#tell(level);
    if (!this.#running) this.#run();
  }

  /** No more sound comes: let the bars drift out. */
  rest() {
    this.#latest = 0;
    this.#levels = [];
    this.meter.setAttribute("aria-valuenow", "0");
    this.meter.setAttribute("aria-valuetext", "no sound");
    this.#draw();
  }

  #add(level) {
    this.#levels.unshift(level);
    this.#levels.length = Math.min(this.#levels.length, 600);
  }

  #tell(level) {
    const now = performance.now();
    if (now - this.#told < CALM_MS) return;
    this.#told = now;
    this.meter.setAttribute("aria-valuenow", String(Math.round(this.#latest * 100)));
    const words = Number.isFinite(level) ? `${Math.round(level)} decibels below full scale`.replace("-", "") : "no sound";
    this.meter.setAttribute("aria-valuetext", words);
    if (this.calm.matches) this.#draw();
  }

  #run() {
    if (this.calm.matches) return;
    this.#running = true;
    requestAnimationFrame(() => {
      this.#running = false;
      this.#draw();
    });
  }

  #draw() {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    // Setting the size also clears the canvas.
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.scale(ratio, ratio);
    context.fillStyle = getComputedStyle(canvas).color;
    if (this.calm.matches) this.#still(width, height);
    else this.#bars(width, height);
  }

  #bars(width, height) {
    const { context } = this;
    const middle = width / 2;
    const clear = this.button.offsetWidth / 2 + 2 * PITCH;
    const reach = Math.ceil((middle - clear) / PITCH);
    this.#levels.slice(0, reach).forEach((level, index) => {
      if (level === 0) return;
      context.globalAlpha = 1 - index / reach;
      const tall = Math.max(2, level * height);
      for (const side of [-1, 1]) {
        const x = middle + side * (clear + index * PITCH) - BAR / 2;
        context.beginPath();
        context.roundRect(x, height - tall, BAR, tall, [BAR / 2, BAR / 2, 0, 0]);
        context.fill();
      }
    });
  }

  #still(width, height) {
    const long = this.#latest * width;
    this.context.fillRect((width - long) / 2, height - 4, long, 4);
  }
}
