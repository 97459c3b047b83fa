/** Which image belongs to which, by their names: as in one couple, so in the others. */

/**
 * The number of the image whose name is to that of another one as the second of a couple is to the first.
 * @param {[string, string]} couple
 * @param {string} name Of the other image.
 * @param {string[]} names Of all images.
 * @returns {number | null} null where there is none.
 */
export function counterpart([first, second], name, names) {
  const start = sharedStart(first, second);
  const end = sharedStart(turned(first.slice(start)), turned(second.slice(start)));
  const until = (/** @type {string} */ text) => text.slice(0, text.length - end);
  const guesses = [
    endingOf(name, first.slice(start), second.slice(start)), // 001_raw and 001_restored
    beginningOf(name, until(first), until(second)), // raw_001 and restored_001
  ];
  const number = guesses.map((guess) => (guess === null ? -1 : names.indexOf(guess))).find((place) => place >= 0);
  return number ?? null;
}

/** A name with another ending; null where it does not end so. @param {string} name @param {string} from @param {string} to */
function endingOf(name, from, to) {
  return name.endsWith(from) ? name.slice(0, name.length - from.length) + to : null;
}

/** A name with another beginning; null where it does not begin so. @param {string} name @param {string} from @param {string} to */
function beginningOf(name, from, to) {
  return name.startsWith(from) ? to + name.slice(from.length) : null;
}

/** How many letters two names begin with alike. @param {string} one @param {string} other */
function sharedStart(one, other) {
  let length = 0;
  while (length < Math.min(one.length, other.length) && one[length] === other[length]) length++;
  return length;
}

/** @param {string} text */
function turned(text) {
  return [...text].reverse().join("");
}
