// Says what it sees of the world.

import { plugin } from 'gavel-plugin';

const HOUR = 3_600_000;

export const verifier = plugin({
  name: 'world',
  version: '0.1.0',
  summary: 'Says what it sees of the world.',
  metrics: ['environment', 'files', 'clock', 'random', 'slept'],
  async verify() {
    console.log('a line for stdout');
    console.error('a line for stderr');
    const clock = Date.now() / 1000;
    const before = Date.now();
    await new Promise((done) => setTimeout(done, HOUR));
    return {
      reward: 1,
      metrics: {
        environment: Object.keys(globalThis.process?.env ?? {}).length,
        files: 'process' in globalThis ? 1 : 0,
        clock,
        random: Math.random(),
        slept: Date.now() - before >= HOUR ? 1 : 0,
      },
    };
  },
});
