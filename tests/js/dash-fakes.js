// A server that answers fetch with streams, and elements that are only what lists of rows need.

/** Answers each request with what is pushed into it. */
export class FakeEvents {
    /** @type {{address: string, init: RequestInit, push: (text: string) => void, end: () => void, cut: () => void}[]} */
    requests = [];
    /** @type {((address: string) => Response | Error)[]} What the next requests get instead of a stream. */
    next = [];

    /** @type {typeof globalThis.fetch} */
    fetch = async (address, init = {}) => {
        const instead = this.next.shift()?.(String(address));
        if (instead instanceof Error) {
            throw instead;
        }
        /** @type {ReadableStreamDefaultController<Uint8Array> | undefined} */
        let controller;
        const body = new ReadableStream({ start: (made) => void (controller = made) });
        init.signal?.addEventListener("abort", () => {
            try {
                controller?.error(new DOMException("aborted", "AbortError"));
            } catch (error) {
                assertClosed(error);
            }
        });
        this.requests.push({
            address: String(address),
            init,
            push: (text) => controller?.enqueue(new TextEncoder().encode(text)),
            end: () => controller?.close(),
            cut: () => controller?.error(new TypeError("network error")),
        });
        return instead ?? new Response(body, { headers: { "Content-Type": "text/event-stream" } });
    };

    get last() {
        const last = this.requests.at(-1);
        if (last === undefined) {
            throw new Error("nobody has asked");
        }
        return last;
    }
}

/** @param {unknown} error */
function assertClosed(error) {
    if (!(error instanceof TypeError)) {
        throw error;
    }
}

/** Lets all that is due happen. */
export async function settled() {
    for (let turns = 0; turns < 20; turns += 1) {
        await new Promise((resolve) => setImmediate(resolve));
    }
}

/** An element with children, and a document that knows which has the focus. */
export class FakeElement {
    /** @type {FakeElement[]} */
    children = [];
    /** @type {FakeElement | null} */
    parent = null;
    inserted = 0;
    text = "";

    /** @param {{activeElement: FakeElement | null}} ownerDocument */
    constructor(ownerDocument) {
        this.ownerDocument = ownerDocument;
    }

    get firstElementChild() {
        return this.children[0] ?? null;
    }

    get nextElementSibling() {
        return this.#beside(1);
    }

    get previousElementSibling() {
        return this.#beside(-1);
    }

    /** @param {FakeElement} child @param {FakeElement | null} next */
    insertBefore(child, next) {
        child.remove();
        this.inserted += 1;
        child.parent = this;
        this.children.splice(next === null ? this.children.length : this.children.indexOf(next), 0, child);
    }

    remove() {
        if (this.parent !== null) {
            this.parent.children = this.parent.children.filter((child) => child !== this);
            this.parent = null;
        }
    }

    /** @param {FakeElement | null} other */
    contains(other) {
        return this === other;
    }

    /** Its own button. */
    querySelector() {
        return this;
    }

    closest() {
        return this.parent;
    }

    focus() {
        this.ownerDocument.activeElement = this;
    }

    /** @param {number} step */
    #beside(step) {
        const siblings = this.parent?.children ?? [];
        return siblings[siblings.indexOf(this) + step] ?? null;
    }
}
