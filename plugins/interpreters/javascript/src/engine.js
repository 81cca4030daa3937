// What the engine lacks, and programs or the packages below take for granted. Imported before them.
//
// It is built without Unicode tables and without `Intl`: what can be said of ASCII and of numbers in English is said
// here, and the rest is refused.

// node-inspect-extracted copies its methods; without threads there are none.
globalThis.Atomics ??= {};

// The order of ASCII in the root collation; letters are compared without their case first.
const ORDER = '\t\n\v\f\r _-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$0123456789';

function rank(letter) {
  const at = ORDER.indexOf(letter);
  return at >= 0 ? at : ORDER.length + letter.toLowerCase().codePointAt(0);
}

function localeCompare(other) {
  const [one, two] = [[...String(this)], [...String(other)]];
  for (let at = 0; at < Math.min(one.length, two.length); at++) {
    const difference = rank(one[at]) - rank(two[at]);
    if (difference) return Math.sign(difference);
  }
  if (one.length !== two.length) return Math.sign(one.length - two.length);
  // The same letters: small ones come first.
  const at = one.findIndex((letter, index) => letter !== two[index]);
  return at < 0 ? 0 : one[at] > two[at] ? -1 : 1;
}

function normalize(form = 'NFC') {
  if (!['NFC', 'NFD', 'NFKC', 'NFKD'].includes(form)) throw new RangeError(`The normalization form should be one of NFC, NFD, NFKC, NFKD.`);
  const text = String(this);
  // Text is composed as a rule, and ASCII is in every form.
  if (form === 'NFC' || /^[\x00-\x7f]*$/.test(text)) return text;
  throw new RangeError(`this engine cannot bring text into ${form}`);
}

function toLocaleString(_, options = {}) {
  const { minimumFractionDigits: least = 0, maximumFractionDigits: most = Math.max(3, least), useGrouping = true } = options;
  if (!Number.isFinite(Number(this))) return Number(this) === Infinity ? '∞' : Number(this) === -Infinity ? '-∞' : 'NaN';
  let [whole, fraction = ''] = (typeof this === 'bigint' ? this.toString() : Number(this).toFixed(most)).split('.');
  while (fraction.length > least && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  if (useGrouping) whole = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction ? `${whole}.${fraction}` : whole;
}

function define(prototype, method) {
  Object.defineProperty(prototype, method.name, { value: method, writable: true, configurable: true });
}

define(String.prototype, localeCompare);
if (!String.prototype.normalize) define(String.prototype, normalize);
if (typeof Intl === 'undefined') {
  define(Number.prototype, toLocaleString);
  define(BigInt.prototype, toLocaleString);
}
