// Says what it was given.

import { plugin, string } from 'gavel-plugin';

const bytes = (text) => new TextEncoder().encode(text);

const shown = (text) => (text === undefined ? '<none>' : `[${text}]`);

export const verifier = plugin({
  name: 'echo',
  version: '0.1.0',
  summary: 'Says what it was given.',
  options: { tag: string({ default: '' }) },
  metrics: ['prompt_bytes', 'completion_bytes', 'completion_sum', 'reference_bytes'],
  verify({ prompt, completion, reference, metadata }, { tag }) {
    const all = [prompt, completion, reference, metadata.note, tag].map(shown).join('');
    const sent = bytes(completion);
    return {
      reward: 1,
      reason: all.length <= 1100 ? all : 'large',
      metrics: {
        prompt_bytes: bytes(prompt).length,
        completion_bytes: sent.length,
        completion_sum: sent.reduce((sum, byte) => sum + byte, 0),
        reference_bytes: reference === undefined ? -1 : bytes(reference).length,
      },
    };
  },
});
