/** The page's controls and figures: what can be pressed now, and what is going on. */

import { latency as asLatency, stamp } from "./format.js";

const find = (id) => document.getElementById(id);

export class Controls {
  #stick = true;

  /**
   * @param {object} parts
   * @param {() => void} parts.onRecord The big button was pressed.
   * @param {(file: File) => void} parts.onFile A recording was chosen or dropped.
   * @param {() => void} parts.onClear
   * @param {import("./transcript.js").Transcript} parts.transcript
   */
  constructor({ onRecord, onFile, onClear, transcript }) {
    this.record = find("record");
    this.file = find("file");
    this.onFile = onFile;
    this.busy = false;
    this.record.addEventListener("click", onRecord);
    this.file.addEventListener("change", () => this.#chosen());
    find("clear").addEventListener("click", onClear);
    find("copy").addEventListener("click", () => this.#copy(transcript.text()));
    find("save-text").addEventListener("click", () => save("transcript.txt", "text/plain", `${transcript.text()}\n`));
    find("save-json").addEventListener("click", () =>
      save("transcript.json", "application/json", JSON.stringify(transcript.data(), null, 2)),
    );
    this.#acceptDrops();
    this.#foldOptions(document.querySelector(".options"));
    window.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
  }

  /** Whether a recording is sent in real time. */
  get paced() {
    return find("paced").checked;
  }

  /** The fields of `start_transcription` that the options ask for. */
  startOptions(sampleRate) {
    const hotwords = find("hotwords").value.split(/[,\n]/).map((word) => word.trim()).filter(Boolean);
    return {
      sample_rate: sampleRate,
      enable_partials: find("partials").checked,
      ...(hotwords.length > 0 ? { hotwords } : {}),
    };
  }

  idle() {
    this.#state("idle", "Ready", "Start listening");
  }

  opening() {
    this.#state("opening", "Connecting", "Cancel");
    this.#stick = true;
  }

  waiting() {
    this.#state("opening", "Waiting for a place", "Cancel");
  }

  live(label) {
    this.#state("live", label === null ? "Listening" : `Transcribing ${label}`, "Stop");
  }

  /**
   * A microphone that is not heard is not being listened to.
   * @param {boolean} heard
   */
  hearing(heard) {
    if (document.body.dataset.state === "live") this.#status(heard ? "Listening" : "Not hearing anything");
  }

  finishing() {
    this.#state("finishing", "Waiting for the last words", "Finishing");
  }

  /** @param {import("./latency.js").Latency} latency */
  figures({ firstInterim, lastFinal, roundTrip, audioSent }) {
    find("figure-first").textContent = asLatency(firstInterim);
    find("figure-last").textContent = asLatency(lastFinal);
    find("figure-network").textContent = asLatency(roundTrip);
    find("figure-audio").textContent = stamp(audioSent);
  }

  transcriptChanged(empty) {
    find("welcome").hidden = !empty;
    for (const id of ["copy", "save-text", "save-json", "clear"]) find(id).disabled = empty;
    // Follow the newest line only while the reader has not scrolled away from it.
    if (this.#stick && !empty) window.scrollTo({ top: document.documentElement.scrollHeight });
  }

  #state(name, status, label) {
    this.busy = name !== "idle";
    document.body.dataset.state = name;
    this.#status(status);
    find("record-label").textContent = label;
    // Not `disabled`, which would take the keyboard's focus away from the button.
    this.record.setAttribute("aria-disabled", String(name === "finishing"));
    this.file.disabled = this.busy;
  }

  #status(status) {
    const shown = find("status");
    // Unchanged words are not set again: they would be read out again.
    if (shown.textContent !== status) shown.textContent = status;
    const { state } = document.body.dataset;
    document.title = state === "live" ? `● ${status} – Perch` : "Perch – live transcription";
  }

  #chosen() {
    const [file] = this.file.files;
    // Emptied so that choosing the same file once more is a change again.
    this.file.value = "";
    if (file) this.onFile(file);
  }

  #acceptDrops() {
    const over = (on) => document.body.classList.toggle("dropping", on && !this.busy);
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) over(false);
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      const [file] = event.dataTransfer?.files ?? [];
      if (file && !this.busy) this.onFile(file);
    });
  }

  /** The options fold away by Escape and by pressing anywhere else, as a menu does. */
  #foldOptions(options) {
    // Enter in a field means "done"; there is nowhere to send the form.
    find("options").addEventListener("submit", (event) => {
      event.preventDefault();
      options.open = false;
    });
    document.addEventListener("pointerdown", (event) => {
      if (!options.contains(event.target)) options.open = false;
    });
    options.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !options.open) return;
      options.open = false;
      options.querySelector("summary").focus();
    });
  }

  async #copy(text) {
    const button = find("copy");
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // No clipboard over plain HTTP, or refused: saving still works.
      button.textContent = "Not allowed here";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  }

  #noteScroll() {
    const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
    this.#stick = scrollHeight - clientHeight - scrollTop < 80;
  }
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  URL.revokeObjectURL(link.href);
}
