// Write a gavel reward plugin in JavaScript or TypeScript: options, and a function that judges one submission.
//
//     import { plugin, rightIf } from 'gavel-plugin';
//
//     export const verifier = plugin({
//       name: 'exact-match',
//       version: '0.1.0',
//       summary: 'The completion is the reference.',
//       verify: (submission) => rightIf(submission.completion === submission.requireReference()),
//     });
//
// The types, with what each thing means, are in gavel-plugin.d.ts.

// The component's strings come by way of TextDecoder, which takes a byte order mark at the start for no text. To the
// contract it is a character like any other.
const decode = TextDecoder.prototype.decode;
const exact = new TextDecoder('utf-8', { ignoreBOM: true });
TextDecoder.prototype.decode = function (bytes, options) {
  return decode.call(this.encoding === 'utf-8' && !this.fatal ? exact : this, bytes, options);
};

/** Why there is no verdict; the contract's error codes by their tags. */
class PluginError extends Error {
  constructor(tag, message) {
    super(message);
    this.name = new.target.name;
    this.tag = tag;
  }
}

export class InvalidOptions extends PluginError {
  constructor(message) {
    super('invalid-options', message);
  }
}

export class InvalidTask extends PluginError {
  constructor(message) {
    super('invalid-task', message);
  }
}

export class Abstain extends PluginError {
  constructor(message) {
    super('abstain', message);
  }
}

export class InternalError extends PluginError {
  constructor(message) {
    super('internal-error', message);
  }
}

export class Submission {
  #metadata;

  constructor({ prompt = '', completion, reference, metadata = '{}' }) {
    this.prompt = prompt;
    this.completion = completion;
    this.reference = reference;
    this.metadataJson = metadata || '{}';
  }

  get metadata() {
    return (this.#metadata ??= Object.freeze(JSON.parse(this.metadataJson)));
  }

  requireReference() {
    if (this.reference === undefined) {
      throw new InvalidTask('`reference` is missing: this verifier compares the completion with it');
    }
    return this.reference;
  }

  require(column) {
    if (!Object.hasOwn(this.metadata, column)) throw new InvalidTask(`the column \`${column}\` is missing`);
    return this.metadata[column];
  }
}

export function rightIf(right, reason, metrics) {
  return { reward: right ? 1 : 0, reason, metrics };
}

/** Characters that a terminal would obey or not show. The engine in the component has no tables of categories. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

export function excerpt(text, length = 80) {
  const line = Array.from(text.slice(0, 2 * length + 2), (letter) => (UNSEEN.test(letter) ? ' ' : letter));
  return line.length <= length ? line.join('') : `${line.slice(0, length - 1).join('')}…`;
}

// ---- Options: each has a JSON Schema, a word for what it must be, and a check ----

/** What is wrong with a declaration is an error where the plugin is built; a name that nobody reads would limit nothing. */
function checkNames(of, given, known) {
  for (const name of Object.keys(given ?? {})) {
    if (!known.includes(name)) throw new TypeError(`\`${name}\` means nothing to ${of}; there are ${listed(known)}`);
  }
}

const ABOUT = ['default', 'description'];

function option(schema, wanted, fits, { default: fallback, description } = {}) {
  const described = { ...schema };
  if (fallback !== undefined && !fits(fallback)) {
    throw new TypeError(`the default of an option is ${excerpt(`${JSON.stringify(fallback)}`)}; it must be ${wanted}`);
  }
  if (fallback !== undefined) described.default = fallback;
  if (description !== undefined) described.description = description;
  return Object.freeze({ schema: described, wanted, fits, fallback });
}

function numeric(type, isType, limits = {}) {
  checkNames(type, limits, ['minimum', 'maximum', ...ABOUT]);
  const { minimum = -Infinity, maximum = Infinity } = limits;
  for (const bound of [minimum, maximum]) {
    if (typeof bound !== 'number') throw new TypeError(`${JSON.stringify(bound)} as a limit of ${type} is no number`);
  }
  const schema = { type };
  const bounds = [];
  if (limits.minimum !== undefined) bounds.push(`at least ${(schema.minimum = minimum)}`);
  if (limits.maximum !== undefined) bounds.push(`at most ${(schema.maximum = maximum)}`);
  const wanted = [`of the type ${type}`, ...bounds].join(', ');
  return option(schema, wanted, (value) => isType(value) && minimum <= value && value <= maximum, limits);
}

export const integer = (limits) => numeric('integer', Number.isInteger, limits);

export const number = (limits) => numeric('number', Number.isFinite, limits);

export function boolean(more) {
  checkNames('boolean', more, ABOUT);
  return option({ type: 'boolean' }, 'true or false', (value) => typeof value === 'boolean', more);
}

export function string(more) {
  checkNames('string', more, ABOUT);
  return option({ type: 'string' }, 'a string', (value) => typeof value === 'string', more);
}

export function oneOf(values, more) {
  checkNames('oneOf', more, ABOUT);
  return option({ enum: values }, `one of ${listed(values)}`, (value) => values.includes(value), more);
}

export function list(of, { minItems = 0, ...more } = {}) {
  checkNames('list', more, [...ABOUT, 'minItems']);
  const fits = (value) => Array.isArray(value) && value.length >= minItems && value.every(of.fits);
  const wanted = `a list of at least ${minItems} values, each ${of.wanted}`;
  return option({ type: 'array', items: of.schema, minItems }, wanted, fits, more);
}

function schemaOf(options) {
  const properties = Object.fromEntries(Object.entries(options).map(([name, { schema }]) => [name, schema]));
  const required = Object.keys(options).filter((name) => options[name].fallback === undefined);
  return JSON.stringify({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    properties,
    required,
  });
}

export function readOptions(options, json) {
  const values = JSON.parse(json || '{}');
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(options, name)) throw new InvalidOptions(unknown(name, Object.keys(options)));
  }
  const read = {};
  for (const [name, { fits, wanted, fallback }] of Object.entries(options)) {
    const given = Object.hasOwn(values, name);
    if (!given && fallback === undefined) throw new InvalidOptions(`\`${name}\` is missing`);
    if (given && !fits(values[name])) {
      throw new InvalidOptions(`\`${name}\` is ${excerpt(JSON.stringify(values[name]))}; it must be ${wanted}`);
    }
    read[name] = given ? values[name] : fallback;
  }
  return Object.freeze(read);
}

function unknown(name, known) {
  const there = known.length ? `there are ${listed(known)}` : 'this plugin has none';
  return `\`${excerpt(name)}\` is not an option; ${there}`;
}

const listed = (values) => values.map((value) => `\`${value}\``).join(', ');

// ---- The contract ----

export function plugin(definition) {
  checkNames('plugin', definition, ['name', 'version', 'summary', 'options', 'metrics', 'verify']);
  const { name, version, summary, options = {}, metrics = [], verify } = definition;
  return {
    describe: () => ({ name, version, summary, options: schemaOf(options), metrics: [...metrics] }),
    async verify(submission, json) {
      try {
        return verdictOf(await settled(verify(new Submission(submission), readOptions(options, json))), 'verify');
      } catch (error) {
        // What the bindings find thrown, other than an `Error`, is the contract's error.
        throw errorCode(error);
      }
    },
  };
}

export function groupPlugin(definition) {
  checkNames('groupPlugin', definition, ['name', 'version', 'summary', 'options', 'metrics', 'verifyGroup']);
  const { name, version, summary, options = {}, metrics = [], verifyGroup } = definition;
  return {
    describe: () => ({ name, version, summary, options: schemaOf(options), metrics: [...metrics] }),
    async verifyGroup(submissions, json) {
      try {
        const given = submissions.map((submission) => new Submission(submission));
        const said = await settled(verifyGroup(given, readOptions(options, json)));
        if (!Array.isArray(said) || said.length !== submissions.length) {
          const found = Array.isArray(said) ? `${said.length} verdicts` : `${said}`;
          throw new InternalError(`verifyGroup returned ${found} for ${submissions.length} completions; it is one for each`);
        }
        return said.map((one) => {
          try {
            if (one instanceof PluginError) throw one;
            return { tag: 'ok', val: verdictOf(one, 'verifyGroup') };
          } catch (error) {
            return { tag: 'err', val: errorCode(error) };
          }
        });
      } catch (error) {
        const val = errorCode(error);
        return submissions.map(() => ({ tag: 'err', val }));
      }
    },
  };
}

/** The contract's verdict. */
function verdictOf(said, by) {
  if (typeof said !== 'object' || said === null) {
    throw new InternalError(`${by} returned ${said}, not a verdict, which is an object with a \`reward\``);
  }
  const { reward, reason, metrics: named = {} } = said;
  checkNumbers({ reward, ...named });
  return { reward, reason, metrics: Object.entries(named) };
}

/**
 * What a promise comes to. Time is virtual: once nothing else is left to wait for, the longest time that a timer can have is
 * over at once, and a promise that is still not settled never will be.
 */
async function settled(said) {
  if (typeof said?.then !== 'function') return said;
  let timer;
  const never = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new InternalError('the promise of `verify` never settles')), 2 ** 31 - 1);
    timer.unref?.(); // natively, in Node, where a test is not to wait for it
  });
  try {
    return await Promise.race([said, never]);
  } finally {
    clearTimeout(timer);
  }
}

function checkNumbers(numbers) {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value)) throw new InternalError(`${name} is ${value}, which is no finite number`);
  }
}

/** The engine's own errors are the plugin's failures, and say where. */
function errorCode(error) {
  if (error instanceof PluginError) return { tag: error.tag, val: error.message };
  const frames = error instanceof Error ? framesOf(error) : [];
  // For `gavel plugin test`, which shows what a verifier wrote.
  console.error([`${error}`, ...folded(frames.map((frame) => `  at ${frame}`))].join('\n'));
  return { tag: 'internal-error', val: `${error}${frames.length ? ` (${frames[0]})` : ''}` };
}

/** The longest round of functions calling each other that is folded. */
const LONGEST_ROUND = 8;

/** Lines of which a round that comes more than twice, as in a recursion without end, is written once, with how often. */
function folded(lines) {
  const kept = [];
  for (let at = 0; at < lines.length; ) {
    let round = 1;
    while (round <= LONGEST_ROUND && timesOf(lines, at, round) <= 2) round += 1;
    if (round > LONGEST_ROUND) {
      kept.push(lines[at]);
      at += 1;
      continue;
    }
    const times = timesOf(lines, at, round);
    kept.push(...lines.slice(at, at + round), `  … ${round === 1 ? 'this line' : `these ${round} lines`} ${times} times`);
    at += times * round;
  }
  return kept;
}

/** How often the `size` lines that begin at `at` follow one another. */
function timesOf(lines, at, size) {
  let same = at;
  while (same + size < lines.length && lines[same] === lines[same + size]) same += 1;
  return Math.floor((same - at) / size) + 1;
}

/** Where an error was thrown and who called it: the functions of the author's files, by their own lines. */
function framesOf(error) {
  const frames = [];
  if (!globalThis.gavelLines) return /\S+:\d+(?=:\d+)/.exec(error.stack ?? '') ?? []; // natively, in tests
  for (const frame of (error.stack ?? '').split('\n')) {
    const [, name, line] = /^(.*)@.*:(\d+):\d+$/.exec(frame) ?? [];
    const place = line && placeOf(Number(line));
    if (place) frames.push(name ? `${place} in ${name.split('/').at(-1)}` : place);
  }
  return frames;
}

/**
 * File and line of a line of the bundle; `undefined` where that is the SDK's. `build.mjs` writes the table, a number of a
 * file and a line for each line of the bundle after its own, into the bundle's first line.
 */
function placeOf(line) {
  const { files, lines } = globalThis.gavelLines;
  const [file, original] = lines[line - 2] ?? [];
  return files[file] && `${files[file]}:${original}`;
}

// ---- What is not there ----

const ABSENT = { fetch: 'there is no network', WebSocket: 'there is no network', Worker: 'there are no threads' };

/** The engine has some of these, and breaks where they are used. Natively, in Node, a test may use them. */
for (const [name, why] of typeof process === 'undefined' ? Object.entries(ABSENT) : []) {
  const missing = function () {
    throw new TypeError(`${name} does not exist in the sandbox: ${why}`);
  };
  Object.defineProperty(globalThis, name, { value: missing, configurable: true, writable: true });
}
