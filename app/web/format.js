/** Numbers as people read them. Null in, null or a dash out: nothing is made up. */

/** @param {number} seconds @returns {string} As on a clock: 0:07, 12:30, 1:02:03. */
export function stamp(seconds) {
  const whole = Math.floor(seconds);
  const pair = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pair(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${pair(minutes % 60)}:${pair(whole % 60)}`;
}

/** @param {number} seconds @returns {string} As `stamp`, to the tenth: 0:07.4. */
export function moment(seconds) {
  const tenths = Math.round(seconds * 10);
  return `${stamp(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/** @returns {string|null} A word's stretch of time, or null when the recogniser gave none. */
export function span(start, end) {
  if (typeof start !== "number" || typeof end !== "number") return null;
  return `${start.toFixed(2)} – ${end.toFixed(2)} s`;
}

/** @returns {string|null} A confidence as a percentage, or null when there is none. */
export function sureness(confidence) {
  return typeof confidence === "number" ? `${Math.round(confidence * 100)} % sure` : null;
}

/** @returns {string} A latency; milliseconds below one second. */
export function latency(seconds) {
  if (seconds === null) return "—";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}
