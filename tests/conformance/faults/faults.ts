// Breaks in every way that a plugin can break.

import { plugin } from 'gavel-plugin';

const FAULTS = new Map<string, () => unknown>([
  ['panic', panic],
  ['loop', spin],
  ['bomb', bomb],
  ['recurse', recurse],
]);

function panic() {
  throw new TypeError('as asked');
}

function spin() {
  let number = 1;
  while (number) number = (number * 48271) % 2147483647;
}

function bomb() {
  const held: Uint8Array[] = [];
  for (;;) held.push(new Uint8Array(1 << 20).fill(1));
}

function recurse(depth = 1): number {
  return recurse(depth + 1) + depth;
}

export const verifier = plugin({
  name: 'faults',
  version: '0.1.0',
  summary: 'Breaks in every way that a plugin can break.',
  verify(submission) {
    FAULTS.get(submission.completion)?.();
    return { reward: 1 };
  },
});
