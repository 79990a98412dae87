/**
 * Finds each recognised word in the text it belongs to. The text is what a person reads, with its
 * own spacing and punctuation; the words carry the times. Joining the words instead would lose
 * punctuation in some models' results and put spaces into languages that have none.
 */

/** Punctuation that belongs to the word before it. */
const TRAILING = /[^\s\p{L}\p{N}]*/uy;

/**
 * @template {{word: string}} Word
 * @param {string} text
 * @param {Word[]} words In the order they were said.
 * @returns {{text: string, word: Word|null}[]} Pieces that together read as the text; when a word
 *   cannot be found in the text, the words themselves, spaced.
 */
export function placed(text, words) {
  if (words.length === 0) return [{ text, word: null }];
  const folded = text.toLowerCase();
  // Folding can change a text's length in a few languages; positions would then be wrong.
  if (folded.length !== text.length) return spaced(words);
  const pieces = [];
  let cursor = 0;
  for (const word of words) {
    const start = folded.indexOf(word.word.toLowerCase(), cursor);
    if (start === -1) return spaced(words);
    if (start > cursor) pieces.push({ text: text.slice(cursor, start), word: null });
    cursor = afterPunctuation(text, start + word.word.length);
    pieces.push({ text: text.slice(start, cursor), word });
  }
  if (cursor < text.length) pieces.push({ text: text.slice(cursor), word: null });
  return pieces;
}

function afterPunctuation(text, from) {
  TRAILING.lastIndex = from;
  return from + (TRAILING.exec(text)?.[0].length ?? 0);
}

function spaced(words) {
  return words.flatMap((word, index) => [
    ...(index > 0 ? [{ text: " ", word: null }] : []),
    { text: word.word, word },
  ]);
}
