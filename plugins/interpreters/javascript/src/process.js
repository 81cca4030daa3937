// The process: how a program ends, and the global `process`.

import { EventEmitter } from 'events';
import { Buffer } from 'buffer';
import { flush, readInput, stderr, stdout } from './streams.js';
import { soon } from './timers.js';

// Thrown by `process.exit`. A program that catches it goes on, but nothing that it writes counts any more.
export class ExitSignal extends Error {}

const ticks = [];

export const life = {
  ended: false,
  failed: false,
  error: undefined,
  exitCode: 0,

  // An error that nobody caught ends the program.
  fail(error) {
    if (this.ended) return;
    this.ended = true;
    this.failed = true;
    this.error = error;
  },

  exit(code) {
    if (!this.ended) {
      this.exitCode = Number(code ?? process.exitCode ?? 0) & 0xff;
      this.emitExit();
      this.ended = true;
      flush();
    }
    throw new ExitSignal();
  },

  emitExit() {
    if (this.ended || this.exiting) return;
    this.exiting = true;
    this.exitCode ||= Number(process.exitCode ?? 0) & 0xff;
    process.emit('exit', this.exitCode);
  },

  // Calls a callback of the program, and then what it left for the next tick: before any promise, as Node does.
  guard(call) {
    this.attempt(call);
    this.tick();
  },

  attempt(call) {
    try {
      this.watch(call());
    } catch (error) {
      this.fail(error);
    }
  },

  tick() {
    while (ticks.length && !this.ended) this.attempt(ticks.shift());
  },

  // A promise that the program leaves behind: its rejection is an error that nobody caught.
  watch(value) {
    if (value instanceof Promise) value.then(undefined, (error) => this.fail(error));
  },
};

class Input extends EventEmitter {
  constructor() {
    super();
    this.fd = 0;
    this.at = 0;
    // Whoever listens sets the stream flowing, as in Node.
    super.on('newListener', (event) => {
      if (['data', 'readable', 'end'].includes(event)) this.flow();
    });
  }

  setEncoding(encoding) {
    this.encoding = encoding;
    return this;
  }

  flow() {
    if (this.flowing) return;
    this.flowing = true;
    soon(() => {
      if (this.listenerCount('readable')) this.emit('readable');
      const rest = this.read();
      if (rest !== null) this.emit('data', rest);
      if (this.listenerCount('readable')) this.emit('readable');
      this.emit('end');
      this.emit('close');
    });
  }

  read() {
    const rest = readInput().subarray(this.at);
    this.at += rest.length;
    if (rest.length === 0) return null;
    const bytes = Buffer.from(rest);
    return this.encoding ? bytes.toString(this.encoding) : bytes;
  }

  async *[Symbol.asyncIterator]() {
    const rest = this.read();
    if (rest !== null) yield rest;
  }

  resume() {
    this.flow();
    return this;
  }

  pause() {
    return this;
  }

  unref() {
    return this;
  }

  ref() {
    return this;
  }
}

class Output extends EventEmitter {
  constructor(stream, fd) {
    super();
    Object.assign(this, { fd, writable: true, columns: 80 });
    Object.defineProperty(this, 'stream', { value: stream, enumerable: false });
  }

  write(data, encoding, done) {
    if (!life.ended) this.stream.write(typeof data === 'string' ? data : Buffer.from(data));
    const callback = typeof encoding === 'function' ? encoding : done;
    if (callback) soon(callback);
    return true;
  }

  end(data, encoding, done) {
    if (data !== undefined && typeof data !== 'function') this.write(data, encoding, done);
    return this;
  }
}

export function installProcess() {
  const process = new EventEmitter();
  Object.assign(process, {
    argv: ['node', 'program.js'],
    argv0: 'node',
    env: {},
    execArgv: [],
    exitCode: undefined,
    pid: 1,
    platform: 'wasi',
    arch: 'wasm32',
    versions: {},
    stdin: new Input(),
    stdout: new Output(stdout, 1),
    stderr: new Output(stderr, 2),
    exit: (code) => life.exit(code),
    abort: () => life.exit(134),
    cwd: () => '/',
    uptime: () => performance.now() / 1000,
    hrtime: Object.assign(
      ([seconds, nanoseconds] = [0, 0]) => {
        const now = hrtime() - (BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
        return [Number(now / 1_000_000_000n), Number(now % 1_000_000_000n)];
      },
      { bigint: () => hrtime() },
    ),
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    nextTick: (call, ...values) => {
      ticks.push(() => call(...values));
      queueMicrotask(() => life.tick()); // where a promise asks for it
    },
    emitWarning: (warning) => stderr.write(`Warning: ${warning}\n`),
  });
  globalThis.process = process;
  globalThis.global = globalThis;
  globalThis.Buffer = Buffer;
}

function hrtime() {
  return BigInt(Math.round(performance.now() * 1e6));
}
