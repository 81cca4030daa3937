// Says what it sees of the world.

import { plugin } from 'gavel-plugin';

declare const console: { log(line: string): void; error(line: string): void };
declare const process: { env: object } | undefined;

export const verifier = plugin({
  name: 'world',
  version: '1.0.0',
  summary: 'Says what it sees of the world.',
  metrics: ['environment', 'files', 'clock', 'random', 'slept'],
  verify() {
    console.log('a line for stdout');
    console.error('a line for stderr');
    const node = typeof process === 'undefined' ? undefined : process;
    return {
      reward: 1,
      metrics: {
        environment: Object.keys(node?.env ?? {}).length,
        files: node ? 1 : 0,
        clock: Date.now() / 1000,
        random: Math.random(),
        slept: -1,
      },
    };
  },
});
