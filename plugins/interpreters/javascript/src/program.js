// Evaluates a program's source, in whichever of its forms it is written.

const NAME = '\n//# sourceURL=program.js';
const AsyncFunction = (async () => {}).constructor;

// Runs the program's top level. Returns the value of its last statement, which for `main();` is a promise.
export function evaluate(source) {
  const script = source.replace(/^\uFEFF/, '').replace(/^#!.*/, '');
  let first;
  try {
    return (0, eval)(script + NAME);
  } catch (error) {
    // A script that does not parse has not run. It may be a module, or return or await at its top level.
    if (!(error instanceof SyntaxError) || ran(error)) throw error;
    first = error;
  }
  let program;
  try {
    program = new AsyncFunction(withoutModuleSyntax(script) + NAME);
  } catch {
    throw first;
  }
  return program();
}

// Whether a syntax error came from within the running program (from its own `eval` or `JSON.parse`).
function ran(error) {
  return String(error.stack ?? '').includes('program.js:');
}

// Imports as calls of `require`, and exports as plain declarations.
function withoutModuleSyntax(source) {
  return source
    .replace(/^[ \t]*import\s+\*\s+as\s+(\w+)\s+from\s*(['"][^'"\n]+['"]);?/gm, 'const $1 = require($2);')
    .replace(/^[ \t]*import\s+(\w+)\s*,\s*(\{[^}]*\})\s*from\s*(['"][^'"\n]+['"]);?/gm, (_, name, names, from) =>
      `const ${name} = require(${from}), ${renamed(names)} = ${name};`)
    .replace(/^[ \t]*import\s+(\w+)\s+from\s*(['"][^'"\n]+['"]);?/gm, 'const $1 = require($2);')
    .replace(/^[ \t]*import\s+(\{[^}]*\})\s*from\s*(['"][^'"\n]+['"]);?/gm, (_, names, from) =>
      `const ${renamed(names)} = require(${from});`)
    .replace(/^[ \t]*export\s+(?:default\s+)?(?=(?:async\s+)?function|class|const|let|var)/gm, '');
}

function renamed(names) {
  return names.replace(/(\w+)\s+as\s+(\w+)/g, '$1: $2');
}
