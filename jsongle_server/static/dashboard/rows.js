/** A list on the page that follows a list of values: rows that stay are left where they are, with focus and all. */

/**
 * @template T
 * @typedef {object} RowKind
 * @property {(value: T) => string} key tells the values apart
 * @property {(value: T) => HTMLElement} create makes the row of a value
 * @property {(row: HTMLElement, value: T) => void} update shows another state of the value
 */

/** @template T */
export class Rows {
    #parent;
    #kind;
    /** @type {Map<string, {row: HTMLElement, shown: string}>} */
    #rows = new Map();

    /**
     * @param {HTMLElement} parent
     * @param {RowKind<T>} kind
     */
    constructor(parent, kind) {
        this.#parent = parent;
        this.#kind = kind;
    }

    /**
     * Shows these values, in this order.
     *
     * @param {T[]} values
     */
    show(values) {
        const wanted = new Map(values.map((value) => [this.#kind.key(value), value]));
        this.#removeAllBut(wanted);
        let next = this.#parent.firstElementChild;
        for (const [key, value] of wanted) {
            const row = this.#rowOf(key, value);
            if (row === next) {
                next = row.nextElementSibling;
            } else {
                this.#parent.insertBefore(row, next);
            }
        }
    }

    /** @param {Map<string, T>} wanted */
    #removeAllBut(wanted) {
        for (const [key, { row }] of this.#rows) {
            if (!wanted.has(key)) {
                this.#rows.delete(key);
                keepFocusNear(row);
                row.remove();
            }
        }
    }

    /**
     * @param {string} key
     * @param {T} value
     */
    #rowOf(key, value) {
        const shown = JSON.stringify(value);
        const there = this.#rows.get(key);
        if (there === undefined) {
            const row = this.#kind.create(value);
            this.#kind.update(row, value);
            this.#rows.set(key, { row, shown });
            return row;
        }
        if (there.shown !== shown) {
            there.shown = shown;
            this.#kind.update(there.row, value);
        }
        return there.row;
    }
}

/**
 * Before a row with the focus in it goes, its neighbour gets it: otherwise a keyboard would be back at the top.
 *
 * @param {HTMLElement} row
 */
function keepFocusNear(row) {
    if (row.contains(row.ownerDocument.activeElement)) {
        const neighbour = row.nextElementSibling ?? row.previousElementSibling;
        const list = /** @type {HTMLElement | null} */ (row.closest("[tabindex]"));
        (neighbour?.querySelector("button") ?? list)?.focus();
    }
}
