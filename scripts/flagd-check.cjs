// What flagd's in-process evaluator says of every key, against what `ring-of` exported. Called by scripts/flagd-check.
const { readFileSync } = require('node:fs');
const { FlagdCore } = require('@openfeature/flagd-core');

const [folder, ...steps] = process.argv.slice(2);
const silent = { error() {}, warn() {}, info() {}, debug() {} };
let wrong = 0;
let inside = new Set();
for (const step of steps) {
  const core = new FlagdCore(undefined, silent);
  core.setConfigurations(readFileSync(`${folder}/${step}.json`, 'utf8'));
  const ask = (context) => core.resolveStringEvaluation('ring', 'none', context, silent).value;
  const lines = readFileSync(`${folder}/${step}.csv`, 'utf8').trim().split('\n').slice(1);
  const now = new Set();
  for (const line of lines) {
    const [key, ring] = line.split(',');
    const said = ask({ targetingKey: key });
    if (said !== ring && wrong++ < 10) console.error(`${key} at ${step} %: ring-of says ${ring}, flagd says ${said}`);
    if (said !== 'latest') now.add(key);
  }
  for (const key of inside) if (!now.has(key) && wrong++ < 10) console.error(`${key} left at ${step} %`);
  inside = now;
  for (const context of [{}, { targetingKey: '' }]) {
    if (ask(context) !== 'latest' && wrong++ < 10) console.error(`no key at ${step} %: ${ask(context)}`);
  }
  console.log(`${step} %: ${lines.length} keys, ${now.size} before everybody`);
}
process.exitCode = wrong === 0 ? 0 : 1;
