// Makes a component of a plugin: `node build.mjs PACKAGES SOURCE OUTPUT`, with the folder that holds node_modules.
// `gavel plugin build` calls it, in the plugin's folder.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { SourceMap, builtinModules, createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [packages, source, output] = process.argv.slice(2);
const sdk = dirname(fileURLToPath(import.meta.url));
const modules = join(resolve(packages), 'node_modules');
const esbuild = createRequire(join(modules, 'package.json'))('esbuild');

const staged = await mkdtemp(join(tmpdir(), 'gavel-plugin-'));
try {
  const bundle = join(staged, 'plugin.js');
  const { outputFiles, metafile } = await esbuild.build({
    metafile: true,
    entryPoints: [source],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: 'external',
    write: false,
    alias: { 'gavel-plugin': join(sdk, 'gavel-plugin.js') },
    // What componentize-js knows and esbuild does not.
    external: ['wasi:*'],
    plugins: [{ name: 'no-node', setup: (build) => build.onResolve({ filter: /./ }, withoutNode) }],
    logLevel: 'warning',
  });
  // After the bundle: a module that cannot be had at all is not a matter of types.
  if (source.endsWith('.ts')) checkTypes();
  const [map, code] = ['.map', '.js'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text);
  await writeFile(bundle, `globalThis.gavelLines = ${JSON.stringify(linesOf(code, JSON.parse(map)))};\n${code}`);
  const componentizeJs = join(modules, '@bytecodealliance/componentize-js/src/componentize.js');
  const { componentize } = await import(pathToFileURL(componentizeJs));
  const { component } = await componentize({
    sourcePath: bundle,
    witPath: join(sdk, '../wit'),
    worldName: judgesGroups(metafile) ? 'group-plugin' : 'plugin',
    disableFeatures: ['http', 'fetch-event'],
  });
  await writeFile(output, component);
} catch (error) {
  // esbuild and tsc have said where the plugin is wrong; of componentize-js its own places say nothing to an author.
  if (!error.errors) console.error(error.message ?? error);
  process.exitCode = 1;
} finally {
  await rm(staged, { recursive: true, force: true });
}

/** Whether the plugin judges the completions of a prompt together: then it exports that in the place of `verifier`. */
function judgesGroups({ outputs }) {
  return Object.values(outputs).some(({ exports }) => exports.includes('groupVerifier'));
}

function noNode(name) {
  return `there is no Node in the sandbox: "${name}" is Node's own`;
}

/** Says of a module of Node's own that there is none, unless a package of that name is installed. */
function withoutNode({ path }) {
  const name = path.replace(/^node:/, '');
  if (!builtinModules.includes(name) || (name === path && existsSync(join('node_modules', name)))) return undefined;
  return { errors: [{ text: noNode(path) }] };
}

/**
 * Has tsc check types. An import that is used for nothing, or for types alone, never reaches the bundle, so that Node's own
 * modules are told here too; tsc would advise types for them, and then they would be missing where the plugin runs.
 */
function checkTypes() {
  const checked = spawnSync(process.execPath, [join(modules, 'typescript/bin/tsc'), '--noEmit', '--project', '.'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ofNode = /error TS\d+: Cannot find (?:name|module) '([^']+)'.*type definitions for node.*/g;
  process.stdout.write(checked.stdout.replace(ofNode, (_, name) => `error: ${noNode(name)}`));
  if (checked.status !== 0) throw Object.assign(new Error('types'), { errors: [] });
}

/** For each line of the bundle the number of a file and the line there; files of the SDK have no name. */
function linesOf(code, map) {
  const original = new SourceMap(map);
  const files = map.sources.map((file) => {
    const path = resolve(staged, file);
    return relative(sdk, path).startsWith('..') ? relative('.', path) : null;
  });
  const lines = code.split('\n').map((_, line) => {
    const { originalSource, originalLine } = original.findEntry(line, Number.MAX_SAFE_INTEGER);
    return originalSource === undefined ? [] : [map.sources.indexOf(originalSource), originalLine + 1];
  });
  return { files, lines };
}
