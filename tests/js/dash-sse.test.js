// Server-sent events out of bytes (WHATWG HTML section 9.2).

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventParser } from "../../jsongle_server/static/dashboard/sse.js";

const encode = (/** @type {string} */ text) => new TextEncoder().encode(text);

/** @param {string} text @param {number} size of each piece, in bytes */
function parse(text, size = Infinity) {
    const parser = new EventParser();
    const bytes = encode(text);
    const events = [];
    for (let start = 0; start < bytes.length; start += Math.min(size, bytes.length)) {
        events.push(...parser.feed(bytes.subarray(start, start + size)));
    }
    return events.map(({ name, data }) => [name, data]);
}

test("an event has a name and data, and ends with an empty line", () => {
    assert.deepEqual(parse("event: sample\ndata: {}\n\n"), [["sample", "{}"]]);
    assert.deepEqual(parse("event: sample\ndata: {}\n"), []);
});

test("an event without a name is a message, and one without data is none", () => {
    assert.deepEqual(parse("data: 1\n\nevent: x\n\ndata: 2\n\n"), [["message", "1"], ["message", "2"]]);
});

test("lines of data are joined, and one space after the colon is not part of them", () => {
    assert.deepEqual(parse("data: a\ndata:b\ndata:  c\ndata\n\n"), [["message", "a\nb\n c\n"]]);
});

test("comments and other fields are passed over", () => {
    assert.deepEqual(parse(": hello\n\nid: 7\nretry: 10\nfoo: bar\ndata: 1\n:\n\n"), [["message", "1"]]);
});

test("a mark of byte order at the beginning is none of it", () => {
    assert.deepEqual(parse("\ufeffdata: 1\n\n"), [["message", "1"]]);
});

test("lines end in any of the three ways, and the stream may be cut anywhere", () => {
    for (const end of ["\n", "\r", "\r\n"]) {
        const text = ["event: ü🍋", "data: äö 🍋", "data: 2", "", ": x", "data: 3", "", ""].join(end);
        for (const size of [1, 2, 3, 5, 7, 1000]) {
            const told = [["ü🍋", "äö 🍋\n2"], ["message", "3"]];
            assert.deepEqual(parse(text, size), told, `${JSON.stringify(end)} by ${size}`);
        }
    }
});

test("a stream may be cut in two at each of its bytes", () => {
    const first = "\ufeff: hello\r\n\r\nevent: ü🍋\rid: 7\r\ndata: äö\ndata\r\n\r\n";
    const bytes = encode(`${first}retry: 10\n\n:\rdata: 2\r\rdata: 3\n\n`);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
        const parser = new EventParser();
        const pieces = [bytes.subarray(0, cut), new Uint8Array(), bytes.subarray(cut)];
        const told = pieces.flatMap((piece) => parser.feed(piece)).map(({ name, data }) => [name, data]);
        assert.deepEqual(told, [["ü🍋", "äö\n"], ["message", "2"], ["message", "3"]], `at ${cut}`);
    }
});

test("an event ends with its last byte, although a line feed may still follow", () => {
    const parser = new EventParser();
    assert.equal(parser.feed(encode("data: 1\r\n\r")).length, 1);
    assert.equal(parser.feed(encode("\n")).length, 0);
    assert.equal(parser.feed(encode("data: 2\n\n")).length, 1);
});

test("an event may be as long as it may, and no longer", () => {
    const longest = new EventParser({ most: 20 });
    assert.equal(longest.feed(encode(`data:${"x".repeat(15)}\n\n`)).length, 1);
    assert.equal(longest.feed(encode(`data:${"x".repeat(15)}\n\n`)).length, 1, "each is counted by itself");
    longest.feed(encode(`data:${"x".repeat(15)}`));
    assert.throws(() => longest.feed(encode("x")), RangeError);
});
