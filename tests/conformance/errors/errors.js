// Gives no verdict, for each reason that there is.

import { Abstain, InternalError, InvalidOptions, InvalidTask, plugin } from 'gavel-plugin';

const ERRORS = new Map([
  ['invalid-task', InvalidTask],
  ['abstain', Abstain],
  ['internal-error', InternalError],
  ['invalid-options', InvalidOptions],
]);

export const verifier = plugin({
  name: 'errors',
  version: '0.1.0',
  summary: 'Gives no verdict, for each reason that there is.',
  verify(submission) {
    const Why = ERRORS.get(submission.completion);
    if (Why) throw new Why(`told: ${submission.reference ?? 'nothing'}`);
    return { reward: submission.completion === 'column' ? submission.require('level') : 0.25 };
  },
});
