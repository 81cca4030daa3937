// `require` and the modules of Node that programs on standard streams use.

import assert from 'assert';
import * as buffer from 'buffer';
import EventEmitter from 'events';
import * as inspection from 'node-inspect-extracted';
import path from 'path-browserify';
import * as fs from './fs.js';
import * as readline from './readline.js';

const sleep = (delay, value) => new Promise((resolve) => setTimeout(resolve, delay, value));

export function installModules() {
  const util = {
    ...inspection,
    promisify:
      (call) =>
      (...values) =>
        new Promise((resolve, reject) => {
          call(...values, (error, result) => (error ? reject(error) : resolve(result)));
        }),
    inherits: (child, parent) => void Object.setPrototypeOf(child.prototype, parent.prototype),
    isDeepStrictEqual: (one, other) => {
      try {
        assert.deepStrictEqual(one, other);
        return true;
      } catch {
        return false;
      }
    },
    isArray: Array.isArray,
    TextEncoder,
    TextDecoder,
  };
  const files = { ...fs, default: fs };
  const modules = {
    assert,
    'assert/strict': assert.strict,
    buffer: { ...buffer },
    events: Object.assign(EventEmitter, { EventEmitter }),
    fs: files,
    'fs/promises': fs.promises,
    os: { EOL: '\n', cpus: () => [], platform: () => 'wasi', tmpdir: () => '/tmp', totalmem: () => 0, freemem: () => 0 },
    path,
    'path/posix': path,
    perf_hooks: { performance },
    process: globalThis.process,
    readline: readline.module,
    'readline/promises': readline.promises,
    string_decoder: { StringDecoder },
    timers: { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate },
    'timers/promises': { setTimeout: sleep, setImmediate: (value) => sleep(0, value) },
    url: { URL, URLSearchParams },
    util,
  };
  const require = (name) => {
    const module = modules[String(name).replace(/^node:/, '')];
    if (module !== undefined) return module;
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  };
  const module = { exports: {}, id: '.', filename: 'program.js', loaded: false, children: [], paths: [] };
  require.main = module;
  Object.assign(globalThis, { require, module, exports: module.exports, __filename: 'program.js', __dirname: '/' });
}

// Bytes to text across chunks.
class StringDecoder {
  constructor(encoding = 'utf-8') {
    this.decoder = new TextDecoder(encoding);
  }

  write(bytes) {
    return this.decoder.decode(bytes, { stream: true });
  }

  end(bytes) {
    return bytes ? this.decoder.decode(bytes) : this.decoder.decode();
  }
}
