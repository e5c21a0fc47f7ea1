/**
 * Names of rooms that people can read to each other, and the links that lead there.
 *
 * The name stands behind the `#` of the page's address, which browsers keep to themselves: no server's log has it.
 *
 * @module room-link
 */

/** Longest name of a room that the server takes, in characters (protocol section 4). */
export const LONGEST_ROOM = 256;

const MANNERS = [
    "amber", "brave", "bright", "calm", "clever", "cosy", "crisp", "eager", "fair", "gentle", "golden", "happy",
    "kind", "lively", "lucky", "mellow", "merry", "neat", "proud", "quick", "quiet", "silver", "sunny", "warm",
];
const THINGS = [
    "badger", "beacon", "birch", "brook", "cedar", "comet", "dune", "falcon", "fern", "fjord", "heron", "island",
    "lagoon", "lark", "maple", "meadow", "otter", "pebble", "pine", "reef", "robin", "sparrow", "willow", "wren",
];

/**
 * A room that nobody is in, as good as certainly: one of half a million names.
 *
 * @param {() => number} [random]  gives numbers from 0 up to 1.
 */
export function randomRoom(random = Math.random) {
    const pick = (/** @type {string[]} */ words) => words[Math.floor(random() * words.length)];
    return `${pick(MANNERS)}-${pick(THINGS)}-${Math.floor(100 + random() * 900)}`;
}

/**
 * The room that an address names.
 *
 * @param {string} hash  the part of it from the `#` on.
 * @returns {string} empty where it names none.
 */
export function roomFromHash(hash) {
    const text = hash.replace(/^#/, "");
    try {
        return decodeURIComponent(text).trim();
    } catch {
        return text.trim(); // a % that is just a %
    }
}

/**
 * The link that leads another browser to a room.
 *
 * @param {string} room
 * @param {{ origin: string, pathname: string }} page  where this page is: `location`.
 */
export function linkTo(room, { origin, pathname }) {
    return `${origin}${pathname}#${encodeURIComponent(room)}`;
}

/**
 * What keeps a name from being that of a room.
 *
 * @param {string} room
 * @returns {string} a sentence; empty where all is well.
 */
export function roomProblem(room) {
    if (room === "") {
        return "A room needs a name.";
    }
    return room.length > LONGEST_ROOM ? `The name of a room has at most ${LONGEST_ROOM} characters.` : "";
}
