// Timers and the end of the event loop: a program has ended when nothing is left that it waits for.

import { life } from './process.js';

const later = globalThis.setTimeout;
const waiting = new Set();
let wake = () => {};

class Timer {
  constructor(call, delay, repeats) {
    Object.assign(this, { call, delay, repeats, counts: true });
    waiting.add(this);
    this.arm();
  }

  arm() {
    later(() => {
      if (!waiting.has(this) || life.ended) return;
      if (!this.repeats) waiting.delete(this);
      life.guard(this.call);
      if (waiting.has(this)) this.arm();
      wake();
    }, this.delay);
  }

  ref() {
    this.counts = true;
    return this;
  }

  unref() {
    this.counts = false;
    wake();
    return this;
  }

  hasRef() {
    return this.counts;
  }

  [Symbol.toPrimitive]() {
    return (this.number ??= numbers.push(this));
  }
}

const numbers = [];

function start(call, delay, repeats) {
  const milliseconds = Number(delay);
  return new Timer(call, milliseconds >= 1 && milliseconds < 2 ** 31 ? Math.trunc(milliseconds) : 1, repeats);
}

function stop(timer) {
  waiting.delete(timer instanceof Timer ? timer : numbers[timer - 1]);
  wake();
}

// Calls the function in the next turn of the loop; the program does not end before.
export function soon(call) {
  return new Timer(call, 0, false);
}

// Resolves when no timer is left, or `ended` says so.
export async function idle(ended) {
  for (;;) {
    await new Promise((resolve) => later(resolve, 0)); // every promise that can settle has settled by then
    if (ended() || ![...waiting].some((timer) => timer.counts)) return;
    await new Promise((resolve) => (wake = resolve));
  }
}

export function installTimers() {
  globalThis.setTimeout = (call, delay, ...values) => start(() => call(...values), delay, false);
  globalThis.setInterval = (call, delay, ...values) => start(() => call(...values), delay, true);
  globalThis.setImmediate = (call, ...values) => soon(() => call(...values));
  globalThis.clearTimeout = globalThis.clearInterval = globalThis.clearImmediate = stop;
}
