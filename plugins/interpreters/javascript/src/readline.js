// `readline`: lines of standard input by event, by question and by iteration.

import { EventEmitter } from 'events';
import { Buffer } from 'buffer';
import { readInput } from './streams.js';
import { soon } from './timers.js';

class Interface extends EventEmitter {
  constructor(options) {
    super();
    this.output = options?.output;
    this.questions = [];
    super.on('newListener', (event) => {
      if (event === 'line' || event === 'close') this.pump();
    });
  }

  // The lines that nobody has taken yet.
  get lines() {
    if (this.rest === undefined) {
      const text = Buffer.from(readInput().subarray(process.stdin.at)).toString('utf8');
      process.stdin.at = readInput().length;
      this.rest = text.split(/\r\n|\n|\r/).reverse();
      if (this.rest[0] === '') this.rest.shift(); // what follows the last line's end is no line
    }
    return this.rest;
  }

  // Hands out lines in a later turn, for as long as somebody takes them.
  pump() {
    if (this.pumping || this.closed) return;
    this.pumping = true;
    soon(() => {
      this.pumping = false;
      while (!this.closed && !this.paused && (this.questions.length || this.listenerCount('line')) && this.lines.length) {
        const line = this.lines.pop();
        if (this.questions.length) this.questions.shift()(line);
        else this.emit('line', line);
        if (this.questions.length === 0 && this.listenerCount('line') === 0) return;
      }
      if (!this.paused && this.lines.length === 0) this.close();
    });
  }

  question(text, ...rest) {
    const answered = rest.pop();
    (this.output ?? process.stdout).write(text);
    this.questions.push((line) => answered(line));
    this.pump();
  }

  setPrompt(text) {
    this.text = text;
  }

  prompt() {
    (this.output ?? process.stdout).write(this.text ?? '> ');
    this.pump();
  }

  write() {}

  pause() {
    this.paused = true;
    return this;
  }

  resume() {
    this.paused = false;
    this.pump();
    return this;
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.emit('close');
  }

  async *[Symbol.asyncIterator]() {
    while (!this.closed && this.lines.length) yield this.lines.pop();
    this.close();
  }
}

const createInterface = (options) => new Interface(options);

export const promises = {
  createInterface: (options) => {
    const lines = createInterface(options);
    const ask = lines.question.bind(lines);
    lines.question = (text) => new Promise((resolve) => ask(text, resolve));
    return lines;
  },
};

export const module = { Interface, createInterface, promises, clearLine() {}, cursorTo() {} };
