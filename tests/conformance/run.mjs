// SPDX-License-Identifier: MIT
//
// Runs each client scenario that a revision's requirements name, singly, and counts.
//
// A scenario is passed when the client exited with 0 in time, no check failed and at least one
// succeeded. The suite's own exit status is less strict: it passes a run without any check, so
// /bin/true passes some scenarios, and it forgives an error exit where the right end is a refusal.
// There our client is to expect that very error and exit with 0.
//
// baseline-REVISION.txt lists the scenarios known to fail. The run fails when another one does,
// and when a listed one passes or is not among the revision's scenarios.

import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const revisions = ['2025-11-25', '2026-07-28'];
const clientSeconds = 25;
const suiteSeconds = 45;

const client = process.env.MCP_CONFORMANCE_CLIENT;
const home = join(process.env.BUILD_DIR, 'conformance');
const suite = join(home, 'node_modules/@modelcontextprotocol/conformance');
const { parse: parseYaml } = createRequire(join(suite, 'package.json'))('yaml');

// The suite runs this through a shell, with the server's URL as last argument.
const command = `sh -c 'timeout --foreground --kill-after=2 ${clientSeconds} "$CLIENT" "$1";` +
    ` status=$?; echo $status >"$STATUS_FILE"; exit $status' client`;

function scenariosOf(revision) {
    const file = join(suite, 'requirements', `${revision}.yaml`);
    const { client: required, not_scored } = parseYaml(readFileSync(file, 'utf8'));
    return [
        ...required.map((name) => ({ revision, name })),
        ...not_scored.filter((entry) => entry.leg === 'client')
            .map((entry) => ({ revision, name: entry.scenario, notScored: entry.reason })),
    ];
}

function baselineOf(revision) {
    const text = readFileSync(new URL(`baseline-${revision}.txt`, import.meta.url), 'utf8');
    return new Set(text.split('\n').map((line) => line.replace(/#.*/, '').trim()).filter(Boolean));
}

function readIfThere(file) {
    try {
        return readFileSync(file, 'utf8');
    } catch {
        return '';
    }
}

const withStatus = (checks, status) => checks.filter((check) => check.status === status);

function faultOf(status, checks) {
    if (status === undefined) return 'the suite did not run the client to its end';
    if (status === 124) return `client not done after ${clientSeconds} s`;
    if (status !== 0) return `client exited with ${status}`;
    const [failure, ...more] = withStatus(checks, 'FAILURE');
    if (failure) {
        const others = more.length ? ` (and ${more.length} more)` : '';
        return `${failure.id}: ${failure.errorMessage ?? failure.description}${others}`;
    }
    if (withStatus(checks, 'SUCCESS').length === 0) return 'no check succeeded';
}

/// Runs one scenario; gives the client's exit status (undefined if it was not run to its end), the
/// checks, what the suite and the client printed, and why it is not a pass, unless it is one.
async function run({ revision, name }) {
    const start = performance.now();
    const folder = join(home, 'results', revision, ...name.split('/'));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const statusFile = join(folder, 'status');

    const child = spawn(process.execPath, [
        join(suite, 'dist/index.js'), 'client', '--command', command, '--scenario', name,
        '--spec-version', revision, '--force', '--output-dir', join(folder, 'output'),
    ], {
        detached: true, // a process group of its own, so that all of it can be ended
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, CLIENT: client, STATUS_FILE: statusFile },
    });
    running.add(child);
    const timer = setTimeout(() => endGroup(child), suiteSeconds * 1000);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text) => { output += text; });
    }
    await new Promise((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    running.delete(child);

    const statusText = readIfThere(statusFile);
    const status = statusText === '' ? undefined : Number(statusText);
    const results = readdirSync(folder, { recursive: true });
    const result = (file) => {
        const found = results.find((entry) => entry.endsWith(`/${file}`));
        return found ? readIfThere(join(folder, found)) : '';
    };
    const checks = JSON.parse(result('checks.json') || '[]');
    return {
        status, checks, output, stdout: result('stdout.txt'), stderr: result('stderr.txt'),
        fault: faultOf(status, checks), seconds: (performance.now() - start) / 1000,
    };
}

const running = new Set();

function endGroup(child) {
    try {
        process.kill(-child.pid, 'SIGKILL');
    } catch {
        // it has ended by itself
    }
}

process.on('exit', () => running.forEach(endGroup));
for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => process.exit(1));
}

/// Runs all scenarios, a few at a time; gives a promise of each one's result.
function runAll(scenarios) {
    const results = scenarios.map(() => Promise.withResolvers());
    let next = 0;
    const worker = async () => {
        while (next < scenarios.length) {
            const index = next++;
            results[index].resolve(await run(scenarios[index]));
        }
    };
    for (let i = Math.min(4, Math.max(2, availableParallelism())); i > 0; --i) worker();
    return results.map((result) => result.promise);
}

function printRow(scenario, verdict, { seconds, fault, checks }) {
    const warnings = withStatus(checks, 'WARNING').map((check) => `warning: ${check.id}`);
    const notes = [...(scenario.notScored ? [`not scored: ${scenario.notScored}`] : []),
        ...(fault ? [fault.replace(/\s+/g, ' ').slice(0, 200)] : []), ...warnings];
    console.log([scenario.revision, scenario.name.padEnd(39), verdict.padEnd(13),
        `${seconds.toFixed(1).padStart(4)} s`, notes.join('; ')].join('  ').trimEnd());
}

async function runOne(scenario) {
    const result = await run(scenario);
    const { output, stdout, stderr, status, fault } = result;
    console.log(`${output}\n--- client's standard output\n${stdout}`);
    console.log(`--- client's standard error\n${stderr}\n--- exit status ${status}`);
    printRow(scenario, fault ? 'failed' : 'passed', result);
    return !fault;
}

async function runRevisions(chosen) {
    const scenarios = chosen.flatMap(scenariosOf);
    const results = runAll(scenarios);
    const passed = [];
    const wrong = [];
    const baselines = new Map(chosen.map((revision) => [revision, baselineOf(revision)]));
    for (const [index, scenario] of scenarios.entries()) {
        const { revision, name } = scenario;
        const result = await results[index];
        const known = baselines.get(revision).delete(name);
        if (!result.fault) passed.push(scenario);
        if (result.fault && !known) wrong.push(`${revision} ${name} failed`);
        if (!result.fault && known) wrong.push(`${revision} ${name} passed: take it off the baseline`);
        printRow(scenario, !result.fault ? 'passed' : known ? 'known failure' : 'FAILED', result);
    }
    for (const [revision, names] of baselines) {
        for (const name of names) wrong.push(`${revision} ${name} in the baseline is no scenario`);
    }
    const printCounts = (title, wanted) => chosen.forEach((revision) => {
        const count = (list) => list.filter((s) => s.revision === revision && wanted(s)).length;
        console.log(`${revision}: client ${count(passed)}/${count(scenarios)} ${title}`);
    });
    console.log(['', ...wrong, ''].join('\n'));
    printCounts('not scored', (scenario) => scenario.notScored);
    printCounts('required', (scenario) => !scenario.notScored);
    return wrong.length === 0;
}

async function main() {
    const { values: options } = parseArgs({
        options: { scenario: { type: 'string' }, revision: { type: 'string' } },
    });
    const chosen = revisions.filter((revision) => revision === (options.revision ?? revision));
    if (chosen.length === 0) throw new Error(`--revision is one of ${revisions.join(', ')}`);
    accessSync(client, constants.X_OK);
    if (!options.scenario) return runRevisions(chosen);

    const matching = chosen.flatMap(scenariosOf).filter(({ name }) => name === options.scenario);
    if (matching.length === 0) throw new Error(`there is no scenario ${options.scenario}`);
    let good = true;
    for (const scenario of matching) good = await runOne(scenario) && good;
    return good;
}

try {
    process.exitCode = await main() ? 0 : 1;
} catch (error) {
    console.error(`conformance: ${error.message}`);
    process.exitCode = 2;
}
