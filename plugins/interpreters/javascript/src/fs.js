// `fs` for a world without files: the standard streams by number and by name.

import { Buffer } from 'buffer';
import { readInput } from './streams.js';

const INPUTS = new Set([0, '/dev/stdin', '/proc/self/fd/0', '/dev/fd/0']);
const OUTPUTS = new Map([
  [1, 'stdout'],
  ['/dev/stdout', 'stdout'],
  ['/proc/self/fd/1', 'stdout'],
  [2, 'stderr'],
  ['/dev/stderr', 'stderr'],
]);

function refuse(call, path) {
  const code = typeof path === 'number' ? 'EBADF' : 'ENOENT';
  const text = code === 'EBADF' ? 'bad file descriptor' : 'no such file or directory';
  const place = typeof path === 'number' ? '' : ` '${path}'`;
  throw Object.assign(new Error(`${code}: ${text}, ${call}${place}`), { code, path, syscall: call, errno: -2 });
}

export function readFileSync(path, options) {
  if (!INPUTS.has(path)) refuse('open', path);
  const bytes = Buffer.from(readInput().subarray(process.stdin.at));
  process.stdin.at += bytes.length;
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding ? bytes.toString(encoding) : bytes;
}

export function readSync(fd, into, offset = 0, length = into.length - offset) {
  if (typeof offset === 'object') ({ offset = 0, length = into.length - offset } = offset);
  if (fd !== 0) refuse('read', fd);
  const part = readInput().subarray(process.stdin.at, process.stdin.at + length);
  into.set(part, offset);
  process.stdin.at += part.length;
  return part.length;
}

export function writeSync(fd, data) {
  if (!OUTPUTS.has(fd)) refuse('write', fd);
  process[OUTPUTS.get(fd)].write(data);
  return data.length;
}

export function writeFileSync(path, data) {
  if (!OUTPUTS.has(path)) refuse('open', path);
  process[OUTPUTS.get(path)].write(data);
}

export const appendFileSync = writeFileSync;

export function openSync(path) {
  if (INPUTS.has(path)) return 0;
  if (OUTPUTS.has(path)) return OUTPUTS.get(path) === 'stdout' ? 1 : 2;
  return refuse('open', path);
}

export function closeSync() {}

export function existsSync(path) {
  return INPUTS.has(path) || OUTPUTS.has(path);
}

export function fstatSync(fd) {
  if (fd !== 0) refuse('fstat', fd);
  return { size: readInput().length, isFile: () => false };
}

export function createReadStream(path) {
  if (!INPUTS.has(path)) refuse('open', path);
  return process.stdin;
}

export const promises = {
  readFile: async (path, options) => readFileSync(path, options),
  writeFile: async (path, data) => writeFileSync(path, data),
};

export function readFile(path, ...rest) {
  const done = rest.pop();
  promises.readFile(path, rest[0]).then((data) => done(null, data), done);
}

export function writeFile(path, data, ...rest) {
  promises.writeFile(path, data).then(() => rest.pop()(null), rest.at(-1));
}
