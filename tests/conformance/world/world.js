// Says what it sees of the world.

import { plugin } from 'gavel-plugin';

export const verifier = plugin({
  name: 'world',
  version: '1.0.0',
  summary: 'Says what it sees of the world.',
  metrics: ['environment', 'files', 'clock', 'random', 'slept'],
  verify() {
    console.log('a line for stdout');
    console.error('a line for stderr');
    return {
      reward: 1,
      metrics: {
        environment: Object.keys(globalThis.process?.env ?? {}).length,
        files: 'process' in globalThis ? 1 : 0,
        clock: Date.now() / 1000,
        random: Math.random(),
        slept: -1,
      },
    };
  },
});
