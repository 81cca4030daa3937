// Judges length: the completion has at most `limit` words.

import { integer, plugin, rightIf } from 'gavel-plugin';

export const verifier = plugin({
  name: 'word-limit',
  version: '0.1.0',
  summary: 'The completion has at most `limit` words.',
  options: { limit: integer({ minimum: 0, description: 'The most words.' }) },
  metrics: ['words'],
  verify(submission, { limit }) {
    const words = submission.completion.split(/\s+/).filter(Boolean).length;
    return rightIf(words <= limit, `${words} words, at most ${limit} allowed`, { words });
  },
});
