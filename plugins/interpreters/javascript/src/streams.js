// The standard streams: bytes in and out, through WASI.

import { getStderr } from 'wasi:cli/stderr@0.2.12';
import { getStdin } from 'wasi:cli/stdin@0.2.12';
import { getStdout } from 'wasi:cli/stdout@0.2.12';

const CHUNK = 4096; // the most that WASI takes at once
const BUFFER = 65536;
const encoder = new TextEncoder();

class Output {
  constructor(open) {
    this.open = open;
    this.text = '';
  }

  // Takes text or bytes; text is kept until there is enough of it.
  write(data) {
    if (typeof data === 'string') {
      this.text += data;
      if (this.text.length >= BUFFER) this.flush();
      return;
    }
    this.flush();
    this.send(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  flush() {
    const text = this.text;
    this.text = '';
    if (text) this.send(encoder.encode(text));
  }

  send(bytes) {
    this.stream ??= this.open();
    for (let start = 0; start < bytes.length; start += CHUNK) {
      this.stream.blockingWriteAndFlush(bytes.subarray(start, start + CHUNK));
    }
  }
}

export const stdout = new Output(getStdout);
export const stderr = new Output(getStderr);

// Writes what is kept. A stream that takes no more is for the host to report.
export function flush() {
  for (const stream of [stdout, stderr]) {
    try {
      stream.flush();
    } catch {
      // The host closed it.
    }
  }
}

let input;

// All of standard input.
export function readInput() {
  if (input) return input;
  const stream = getStdin();
  const parts = [];
  for (;;) {
    let part;
    try {
      part = stream.blockingRead(65536n);
    } catch {
      break; // closed: the end
    }
    parts.push(part);
  }
  input = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let start = 0;
  for (const part of parts) {
    input.set(part, start);
    start += part.length;
  }
  return input;
}
