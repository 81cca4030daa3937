// The global `console`, formatted as Node formats: test cases compare what programs print.

import { format, inspect } from 'node-inspect-extracted';
import { life } from './process.js';
import { stderr, stdout } from './streams.js';

export function installConsole() {
  let indent = '';
  const counts = new Map();
  const starts = new Map();
  const print = (stream, text) => {
    if (life.ended) return;
    stream.write((indent ? indent + text.replaceAll('\n', `\n${indent}`) : text) + '\n');
  };
  const log = (...values) => print(stdout, format(...values));
  const error = (...values) => print(stderr, format(...values));
  const group = (...values) => {
    if (values.length) log(...values);
    indent += '  ';
  };
  const elapsed = (label) => `${label}: ${(performance.now() - (starts.get(label) ?? 0)).toFixed(3)}ms`;
  globalThis.console = {
    log,
    info: log,
    debug: log,
    error,
    warn: error,
    trace: (...values) => error(`Trace: ${format(...values)}`),
    dir: (value, options) => print(stdout, inspect(value, { customInspect: false, ...options })),
    table: (value) => log(value),
    assert: (condition, ...values) => {
      if (!condition) error(values.length ? `Assertion failed: ${format(...values)}` : 'Assertion failed');
    },
    count: (label = 'default') => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      log(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = 'default') => void counts.delete(label),
    group,
    groupCollapsed: group,
    groupEnd: () => void (indent = indent.slice(2)),
    time: (label = 'default') => void starts.set(label, performance.now()),
    timeLog: (label = 'default', ...values) => log(elapsed(label), ...values),
    timeEnd: (label = 'default') => {
      log(elapsed(label));
      starts.delete(label);
    },
  };
}
