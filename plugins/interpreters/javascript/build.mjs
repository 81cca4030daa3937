// Builds javascript.wasm: `node build.mjs PACKAGES OUTPUT`, with the folder that holds node_modules.
// `cargo xtask plugins` calls it.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [packages, output] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(packages, 'package.json'));
const esbuild = require('esbuild');
const tool = join(packages, 'node_modules/@bytecodealliance/componentize-js/src/componentize.js');
const { componentize, version } = await import(pathToFileURL(tool));

const staged = await mkdtemp(join(tmpdir(), 'gavel-javascript-'));
try {
  await cp(join(here, 'wit'), join(staged, 'wit'), { recursive: true });
  await cp(join(here, '../../../sdk/wit'), join(staged, 'wit/deps/gavel'), { recursive: true });
  const bundle = join(staged, 'interpreter.js');
  await esbuild.build({
    entryPoints: [join(here, 'src/interpreter.js')],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['wasi:*'],
    nodePaths: [join(packages, 'node_modules')],
    define: { COMPONENTIZE_JS_VERSION: JSON.stringify(version), global: 'globalThis', 'process.env': '{}' },
    logLevel: 'warning',
  });
  const { component } = await componentize({
    sourcePath: bundle,
    witPath: join(staged, 'wit'),
    worldName: 'interpreter',
    disableFeatures: ['http', 'fetch-event'],
  });
  await writeFile(output, component);
} finally {
  await rm(staged, { recursive: true, force: true });
}
