// A server that answers fetch with streams.

/**
 * @typedef {{address: string, init: RequestInit, push: (text: string) => void, end: () => void, cut: () => void}} Asked
 *     A request, and what its stream does.
 */

/** Answers each request with what is pushed into it. */
export class FakeEvents {
    /** @type {Asked[]} */
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
