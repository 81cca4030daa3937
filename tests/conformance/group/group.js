// Says of each completion of a prompt how many are the same.

import { Abstain, InvalidTask, groupPlugin, string } from 'gavel-plugin';

export const groupVerifier = groupPlugin({
  name: 'group',
  version: '0.1.0',
  summary: 'Says of each completion of a prompt how many are the same.',
  options: { tag: string({ default: '' }) },
  metrics: ['same', 'size'],
  verifyGroup(submissions, { tag }) {
    const texts = submissions.map(({ completion }) => completion);
    if (texts.includes('all')) throw new InvalidTask('told by one');
    const kept = submissions.filter(({ completion }) => completion !== 'lose');
    return kept.map(({ prompt, completion, reference }, place) => {
      if (completion === 'abstain') return new Abstain(`told by ${place + 1}`);
      const same = texts.filter((text) => text === completion).length;
      const reason = `[${prompt}][${reference ?? '<none>'}][${tag}] ${place + 1} of ${texts.length}`;
      return { reward: same / texts.length, reason, metrics: { same, size: texts.length } };
    });
  },
});
