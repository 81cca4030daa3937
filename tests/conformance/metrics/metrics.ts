// Says two hundred numbers.

import { plugin } from 'gavel-plugin';

const names = Array.from({ length: 200 }, (_, index) => `m${String(index).padStart(3, '0')}`);

export const verifier = plugin({
  name: 'metrics',
  version: '0.1.0',
  summary: 'Says two hundred numbers.',
  metrics: names,
  verify: () => ({ reward: 0.5, metrics: Object.fromEntries(names.map((name, index) => [name, index / 2])) }),
});
