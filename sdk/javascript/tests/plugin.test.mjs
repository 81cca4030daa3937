// The SDK natively: options, verdicts, errors. `node --test sdk/javascript/tests`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as gavel from '../gavel-plugin.js';

const { Abstain, InvalidTask, boolean, excerpt, integer, list, number, oneOf, plugin, readOptions, rightIf, string } = gavel;

const OPTIONS = {
  limit: integer({ minimum: 1, maximum: 9, description: 'The most words.' }),
  share: number({ default: 0.5 }),
  mode: oneOf(['soft', 'hard'], { default: 'soft' }),
  strict: boolean({ default: false }),
  words: list(string(), { default: ['a'], minItems: 1 }),
};

const refused = (options) => {
  try {
    readOptions(OPTIONS, JSON.stringify(options));
  } catch (error) {
    assert.equal(error.tag, 'invalid-options');
    return error.message;
  }
  assert.fail(`${JSON.stringify(options)} was not refused`);
};

test('defaults hold where nothing is said', () => {
  const read = readOptions(OPTIONS, '{"limit": 3}');
  assert.deepEqual(read, { limit: 3, share: 0.5, mode: 'soft', strict: false, words: ['a'] });
});

test('a wrong option is named, with what it must be', () => {
  assert.equal(refused({}), '`limit` is missing');
  assert.equal(refused({ limit: 0 }), '`limit` is 0; it must be of the type integer, at least 1, at most 9');
  assert.match(refused({ limit: 2.5 }), /^`limit` is 2.5/);
  assert.match(refused({ limit: '3' }), /^`limit` is "3"/);
  assert.match(refused({ limit: 3, mode: 'medium' }), /one of `soft`, `hard`/);
  assert.match(refused({ limit: 3, words: [] }), /`words`/);
  assert.match(refused({ limit: 3, words: [1] }), /each a string/);
  assert.match(refused({ limit: 3, limt: 3 }), /^`limt` is not an option; there are `limit`, `share`/);
  assert.match(refused({ limit: 3, toString: 1 }), /^`toString` is not an option/);
});

const judged = (verify, submission, options = '{}') => {
  const definition = { name: 'x', version: '1.0.0', summary: 'X.', metrics: ['words'], verify };
  return plugin(definition).verify({ prompt: '', metadata: '{}', ...submission }, options);
};

test('a verdict is handed over as the contract wants it', async () => {
  const verdict = await judged(() => rightIf(true, 'why', { words: 2 }), { completion: '' });
  assert.deepEqual(verdict, { reward: 1, reason: 'why', metrics: [['words', 2]] });
});

test('a verifier may wait', async () => {
  const later = () => new Promise((done) => setTimeout(() => done({ reward: 0.5 }), 1));
  assert.equal((await judged(later, { completion: '' })).reward, 0.5);
});

test('errors keep their kind, and what nobody expected is internal and says where', async () => {
  const thrown = (error) => judged(() => { throw error; }, { completion: '' }).catch((code) => code);
  assert.deepEqual(await thrown(new Abstain('no')), { tag: 'abstain', val: 'no' });
  assert.deepEqual(await thrown(new InvalidTask('bad')), { tag: 'invalid-task', val: 'bad' });
  const unexpected = await thrown(new TypeError('broken'));
  assert.equal(unexpected.tag, 'internal-error');
  assert.match(unexpected.val, /^TypeError: broken \(.*plugin.test.mjs:\d+\)$/);
});

test('a reward or metric that is no number is an internal error', async () => {
  for (const verdict of [{ reward: NaN }, { reward: 1, metrics: { words: Infinity } }, {}]) {
    await assert.rejects(judged(() => verdict, { completion: '' }), { tag: 'internal-error' });
  }
});

test('a missing reference or column is the task’s fault', async () => {
  await assert.rejects(judged((s) => s.requireReference(), { completion: '' }), { tag: 'invalid-task' });
  await assert.rejects(judged((s) => s.require('n'), { completion: '' }), { tag: 'invalid-task', val: /`n`/ });
});

test('the schema says what is checked', () => {
  const described = plugin({ name: 'x', version: '1.0.0', summary: 'X.', options: OPTIONS, verify: () => ({ reward: 0 }) });
  const schema = JSON.parse(described.describe().options);
  assert.deepEqual(schema.required, ['limit']);
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema.properties.limit, { type: 'integer', minimum: 1, maximum: 9, description: 'The most words.' });
});

test('an excerpt is one line of bounded length', () => {
  assert.equal(excerpt('a\nb\u001b[31m'), 'a b [31m');
  assert.equal(Array.from(excerpt('🎉'.repeat(100))).length, 80);
});

test('an error says the line of the author\'s file, by the table that the build writes', async () => {
  const error = new TypeError('x is undefined');
  // As SpiderMonkey writes it: the SDK's own function, then the author's.
  error.stack = 'requireReference@plugin.js:5:3\nverify@plugin.js:4:10\n@plugin.js:3:1\n';
  globalThis.gavelLines = { files: [null, 'mine.ts'], lines: [[], [1, 1], [1, 15], [0, 99]] };
  const verifier = plugin({ name: 'a', version: '1.0.0', summary: '', verify: () => { throw error; } });
  const said = await verifier.verify({ completion: '' }, '{}').catch((thrown) => thrown);
  delete globalThis.gavelLines;
  assert.deepEqual(said, { tag: 'internal-error', val: 'TypeError: x is undefined (mine.ts:15 in verify)' });
});

test('what is no verdict is named', async () => {
  const verifier = plugin({ name: 'a', version: '1.0.0', summary: '', verify: () => undefined });
  const { val } = await verifier.verify({ completion: '' }, '{}').catch((thrown) => thrown);
  assert.match(val, /verify returned undefined, not a verdict/);
});

test('a promise that never settles is said', async () => {
  const { setTimeout } = globalThis;
  // The sandbox's clock is virtual: a timer goes off as soon as nothing else is left to do.
  globalThis.setTimeout = (done) => ({ timer: setTimeout(done, 1) });
  try {
    const said = await judged(() => new Promise(() => {}), { completion: '' }).catch((code) => code);
    assert.deepEqual(said, { tag: 'internal-error', val: 'the promise of `verify` never settles' });
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

/** What a verifier writes about an error with these frames, a letter each. */
async function written(frames) {
  const { error } = console;
  const lines = [];
  console.error = (text) => lines.push(...text.split('\n'));
  globalThis.gavelLines = { files: ['mine.ts'], lines: [[0, 1]] };
  const thrown = new RangeError('too much recursion');
  thrown.stack = Array.from(frames, (name) => `${name}@plugin.js:2:1\n`).join('');
  try {
    await judged(() => { throw thrown; }, { completion: '' }).catch(() => {});
  } finally {
    console.error = error;
    delete globalThis.gavelLines;
  }
  return lines.slice(1).map((line) => line.replace('  at mine.ts:1 in ', ''));
}

test('a recursion without end is a few lines', async () => {
  assert.deepEqual(await written('a' + 'f'.repeat(40) + 'v'), ['a', 'f', '  … this line 40 times', 'v']);
  assert.deepEqual(await written('fg'.repeat(20) + 'fv'), ['f', 'g', '  … these 2 lines 20 times', 'f', 'v']);
  assert.deepEqual(await written('ffgh'), ['f', 'f', 'g', 'h']);
  assert.deepEqual(await written(''), []);
});

test('a declaration that would limit nothing is an error', () => {
  for (const [declare, message] of [
    [() => integer({ minimun: 1 }), '`minimun` means nothing to integer; there are `minimum`, `maximum`, `default`, `description`'],
    [() => number({ max: 1 }), '`max` means nothing to number'],
    [() => string({ enum: ['a', 'b'] }), '`enum` means nothing to string'],
    [() => boolean({ help: 'Whether.' }), '`help` means nothing to boolean'],
    [() => oneOf(['a'], { defualt: 'a' }), '`defualt` means nothing to oneOf'],
    [() => list(string(), { maxItems: 3 }), '`maxItems` means nothing to list'],
    [() => plugin({ name: 'a', optoins: {} }), '`optoins` means nothing to plugin'],
    [() => integer({ minimum: '1' }), '"1" as a limit of integer is no number'],
    [() => integer({ minimum: 1, default: 0 }), 'the default of an option is 0; it must be of the type integer, at least 1'],
    [() => oneOf(['a', 'b'], { default: 'c' }), 'the default of an option is "c"; it must be one of `a`, `b`'],
    [() => list(string(), { default: [1] }), 'the default of an option is [1]'],
  ]) {
    assert.throws(declare, (error) => error instanceof TypeError && error.message.startsWith(message), message);
  }
});

const group = gavel.groupPlugin({
  name: 'together',
  version: '0.1.0',
  summary: 'How many are the same; `?` has no verdict, `lost` is left out, `!` throws.',
  options: { limit: integer({ default: 3, minimum: 1 }) },
  verifyGroup(submissions) {
    const texts = submissions.map(({ completion }) => completion);
    if (texts.includes('!')) throw new InvalidTask('told by one');
    const kept = texts.filter((text) => text !== 'lost');
    return kept.map((text) =>
      text === '?' ? new Abstain('a question') : { reward: texts.filter((other) => other === text).length },
    );
  },
});

const together = (completions, options = '{}') =>
  group.verifyGroup(
    completions.map((completion) => ({ prompt: '', completion, metadata: '{}' })),
    options,
  );

test('each completion of a group has a verdict or an error of its own', async () => {
  const [one, two, three] = await together(['a', '?', 'a']);
  assert.deepEqual([one.tag, one.val.reward, three.val.reward], ['ok', 2, 2]);
  assert.deepEqual([two.tag, two.val.tag, two.val.val], ['err', 'abstain', 'a question']);
});

test('what is thrown, and another number of verdicts, is why none of a group has one', async () => {
  const tags = async (...given) => (await together(...given)).map(({ tag, val }) => [tag, val.tag]);
  assert.deepEqual(await tags(['a', '!']), Array(2).fill(['err', 'invalid-task']));
  assert.deepEqual(await tags(['a', 'lost']), Array(2).fill(['err', 'internal-error']));
  assert.deepEqual(await tags(['a', 'a'], '{"limit": 0}'), Array(2).fill(['err', 'invalid-options']));
});
