// What holds for every script of a page.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../jsongle_server/static/", import.meta.url);
const HERE = new URL("./", import.meta.url);

/** The lines of all scripts below a folder, each behind its place. @param {URL} folder */
function* linesBelow(folder) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (name.endsWith(".js") && !name.startsWith("node_modules")) {
            for (const [index, line] of readFileSync(new URL(name, folder), "utf8").split("\n").entries()) {
                yield { place: `${name}:${index + 1}`, line };
            }
        }
    }
}

test("none makes markup, or code, of a text", () => {
    const found = [...linesBelow(STATIC)].filter(({ line }) =>
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function/.test(line),
    );
    assert.deepEqual(found, []);
});

test("none has a line of more than 120 characters, nor do their tests", () => {
    const found = [...linesBelow(STATIC), ...linesBelow(HERE)].filter(({ line }) => [...line].length > 120);
    assert.deepEqual(found, []);
});
