// What OHIF's packages take from later ones, for Node.js 18, which is Debian's: node --import ./node18.mjs ...
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

const MODULE_SYNTAX = /^\s*(import\s[^(]|import\{|export\s|export\{)/m;

/** Some packages ship ECMAScript modules without saying so; later Node.js looks at the text. */
export function load(url, context, next) {
    if (context.format === "commonjs" && url.startsWith("file:")) {
        const source = readFileSync(fileURLToPath(url), "utf-8");
        if (MODULE_SYNTAX.test(source)) return { format: "module", source, shortCircuit: true };
    }
    return next(url, context);
}

// The same file is what `--import` runs and, in the loader's own thread, the hook.
if (isMainThread && process.versions.node.startsWith("18.")) {
    globalThis.crypto ??= webcrypto;
    globalThis.CustomEvent ??= class extends Event {
        constructor(type, options) {
            super(type, options);
            this.detail = options?.detail ?? null;
        }
    };
    register(import.meta.url);
}
