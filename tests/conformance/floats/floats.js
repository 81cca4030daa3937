// Says the number that the reference is, and its bits.

import { InvalidTask, plugin } from 'gavel-plugin';

const SPECIAL = { nan: NaN, inf: Infinity, '-inf': -Infinity };

export const verifier = plugin({
  name: 'floats',
  version: '0.1.0',
  summary: 'Says the number that the reference is, and its bits.',
  metrics: ['value', 'high', 'low'],
  verify(submission) {
    const text = submission.requireReference();
    const value = SPECIAL[text] ?? Number(text || 'nothing');
    if (Number.isNaN(value) && text !== 'nan') throw new InvalidTask(`"${text}" is no number`);
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    return { reward: value, metrics: { value, high: bits.getUint32(0), low: bits.getUint32(4) } };
  },
});
