// The component: runs one untrusted JavaScript program, as `node program.js` would.
//
// componentize-js evaluates this module once, at build time, and keeps the engine's memory as it is then. The host makes
// a fresh instance of that snapshot for every program, calls `execute` once and throws the instance away.

import './engine.js';
import { installConsole } from './console.js';
import { idle, installTimers } from './timers.js';
import { installModules } from './modules.js';
import { ExitSignal, installProcess, life } from './process.js';
import { evaluate } from './program.js';
import { flush, stderr } from './streams.js';

installConsole();
installTimers();
installProcess();
installModules();

export const execution = {
  describe() {
    return {
      name: 'javascript',
      version: COMPONENTIZE_JS_VERSION, // esbuild puts it in
      summary:
        'SpiderMonkey without a compiler, with the parts of Node that programs on standard streams use: ' +
        'no packages, no files, no processes, no sockets, no workers.',
    };
  },

  async execute(source) {
    try {
      life.guard(() => evaluate(source));
      await idle(() => life.ended);
      life.emitExit();
    } catch (error) {
      life.fail(error);
    }
    if (life.failed) {
      stderr.write(described(life.error));
    }
    flush();
    return life.failed ? { tag: 'raised' } : { tag: 'exited', val: life.exitCode };
  },
};

// An uncaught error as Node prints it: the error, then where it happened, without the interpreter's own frames.
function described(error) {
  if (!(error instanceof Error) || error instanceof ExitSignal) {
    return `Uncaught ${require('util').inspect(error)}\n`;
  }
  const frames = String(error.stack ?? '').split('\n');
  const own = frames.filter((frame) => frame.includes('program.js')).map((frame) => {
    const [name, place] = frame.split(/@(?=[^@]*$)/);
    return name ? `    at ${name} (${place})` : `    at ${place}`;
  });
  const place = error instanceof SyntaxError && own.length === 0 ? ` (program.js:${error.lineNumber})` : '';
  return [`Uncaught ${error.name}: ${error.message}${place}`, ...own, ''].join('\n');
}
