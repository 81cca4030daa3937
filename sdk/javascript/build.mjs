// Makes a component of a plugin: `node build.mjs PACKAGES SOURCE OUTPUT`, with the folder that holds node_modules.
// `gavel plugin build` calls it, in the plugin's folder.

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [packages, source, output] = process.argv.slice(2);
const sdk = dirname(fileURLToPath(import.meta.url));
const modules = join(resolve(packages), 'node_modules');
const esbuild = createRequire(join(modules, 'package.json'))('esbuild');

if (source.endsWith('.ts')) {
  const checked = spawnSync(process.execPath, [join(modules, 'typescript/bin/tsc'), '--noEmit', '--project', '.'], {
    stdio: 'inherit',
  });
  if (checked.status !== 0) process.exit(1);
}

const staged = await mkdtemp(join(tmpdir(), 'gavel-plugin-'));
try {
  const bundle = join(staged, 'plugin.js');
  await esbuild.build({
    entryPoints: [source],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    alias: { 'gavel-plugin': join(sdk, 'gavel-plugin.js') },
    // What componentize-js knows and esbuild does not.
    external: ['wasi:*'],
    logLevel: 'warning',
  });
  const componentizeJs = join(modules, '@bytecodealliance/componentize-js/src/componentize.js');
  const { componentize } = await import(pathToFileURL(componentizeJs));
  const { component } = await componentize({
    sourcePath: bundle,
    witPath: join(sdk, '../wit'),
    worldName: 'plugin',
    disableFeatures: ['http', 'fetch-event'],
  });
  await writeFile(output, component);
} catch (error) {
  // esbuild has said where the plugin is wrong.
  if (!error.errors) console.error(error);
  process.exitCode = 1;
} finally {
  await rm(staged, { recursive: true, force: true });
}
