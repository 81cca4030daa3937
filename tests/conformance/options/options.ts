// Says the options that it was given.

import { integer, oneOf, plugin } from 'gavel-plugin';

export const verifier = plugin({
  name: 'options',
  version: '0.1.0',
  summary: 'Says the options that it was given.',
  options: {
    limit: integer({ minimum: 1, description: 'What the reward will be.' }),
    mode: oneOf(['soft', 'hard'], { default: 'soft' }),
  },
  verify: (_, { limit, mode }) => ({ reward: limit, reason: mode }),
});
