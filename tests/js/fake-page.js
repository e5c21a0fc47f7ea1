/**
 * A page in memory, as far as the views use one: elements that have what their ids and attributes say in the real page.
 *
 * There is no markup: whatever a view writes is a text or an element that it has made.
 */

import { readFileSync } from "node:fs";

const STATIC = new URL("../../jsongle_server/static/", import.meta.url);

/** An element: a tree, attributes, the focus. */
export class FakeElement extends EventTarget {
    /** @type {(FakeElement | string)[]} */
    childNodes = [];
    /** @type {FakeElement | null} */
    parent = null;
    /** How many elements were put into it one by one. */
    inserted = 0;
    /** @type {Map<string, string>} */
    attributes = new Map();
    /** @type {Record<string, string>} */
    dataset = {};
    /** @type {Record<string, string>} */
    style = {};
    /** @type {(() => void) | null} */
    onclick = null;
    #value = "";
    scrollTop = 0;
    scrollHeight = 0;
    clientHeight = 0;
    clientWidth = 0;

    /** @param {string} tag @param {FakeDocument} ownerDocument */
    constructor(tag, ownerDocument) {
        super();
        this.tag = tag;
        this.ownerDocument = ownerDocument;
    }

    get children() {
        return this.childNodes.filter((node) => node instanceof FakeElement);
    }

    get childElementCount() {
        return this.children.length;
    }

    get firstElementChild() {
        return this.children[0] ?? null;
    }

    /** @returns {FakeElement | null} */
    get lastElementChild() {
        return this.children.at(-1) ?? null;
    }

    get nextElementSibling() {
        return this.#beside(1);
    }

    get previousElementSibling() {
        return this.#beside(-1);
    }

    /** @param {number} step */
    #beside(step) {
        const siblings = this.parent?.children ?? [];
        return siblings[siblings.indexOf(this) + step] ?? null;
    }

    /** All below it, in their order. @returns {FakeElement[]} */
    get all() {
        return this.children.flatMap((child) => [child, ...child.all]);
    }

    /** @param {...(FakeElement | string)} nodes */
    append(...nodes) {
        for (const node of nodes) {
            this.#put(node, this.childNodes.length);
        }
    }

    /** @param {...(FakeElement | string)} nodes */
    replaceChildren(...nodes) {
        for (const child of this.children) {
            child.parent = null;
        }
        this.childNodes = [];
        this.append(...nodes);
    }

    /** @param {FakeElement} child @param {FakeElement | null} next */
    insertBefore(child, next) {
        child.remove();
        this.inserted += 1;
        this.#put(child, next === null ? this.childNodes.length : this.childNodes.indexOf(next));
    }

    /** @param {FakeElement | string} node @param {number} place */
    #put(node, place) {
        if (node instanceof FakeElement) {
            node.remove();
            node.parent = this;
        }
        this.childNodes.splice(place, 0, node);
    }

    remove() {
        if (this.parent !== null) {
            this.parent.childNodes = this.parent.childNodes.filter((child) => child !== this);
            this.parent = null;
        }
    }

    /** @param {FakeElement | null} other @returns {boolean} */
    contains(other) {
        return other !== null && (this === other || this.contains(other.parent));
    }

    get isConnected() {
        return this.ownerDocument.root.contains(this);
    }

    /** @returns {string} */
    get textContent() {
        return this.childNodes.map((node) => (typeof node === "string" ? node : node.textContent)).join("");
    }

    set textContent(text) {
        this.replaceChildren(text);
    }

    /** @param {string} selector a tag, `.class`, `[attribute]`, or `:focus-visible` */
    matches(selector) {
        const [sign, name] = [selector[0], selector.replace(/^[.[]|\]$/g, "")];
        if (sign === "." || sign === "[") {
            return sign === "." ? this.classes.includes(name) : this.attributes.has(name);
        }
        return sign === ":" ? this.ownerDocument.activeElement === this : this.tag === name;
    }

    /** @param {string} selector */
    querySelector(selector) {
        return this.all.find((element) => element.matches(selector)) ?? null;
    }

    /** @param {string} selector @returns {FakeElement | null} */
    closest(selector) {
        return this.matches(selector) ? this : (this.parent?.closest(selector) ?? null);
    }

    /** @param {string} tag */
    getElementsByTagName(tag) {
        return this.all.filter((element) => element.tag === tag);
    }

    /** @param {string} name */
    getAttribute(name) {
        return this.attributes.get(name) ?? null;
    }

    /** @param {string} name @param {string} value */
    setAttribute(name, value) {
        this.attributes.set(name, value);
    }

    /** @param {string} name @param {boolean} [isThere] */
    toggleAttribute(name, isThere = !this.attributes.has(name)) {
        isThere ? this.attributes.set(name, "") : this.attributes.delete(name);
    }

    get classes() {
        return (this.getAttribute("class") ?? "").split(" ");
    }

    get classList() {
        const toggle = (/** @type {string} */ name, isThere = !this.classes.includes(name)) => {
            const others = this.classes.filter((each) => each !== name);
            this.setAttribute("class", [...others, ...(isThere ? [name] : [])].join(" "));
        };
        return {
            toggle,
            remove: (/** @type {string} */ name) => toggle(name, false),
            contains: (/** @type {string} */ name) => this.classes.includes(name),
        };
    }

    /** Of a range, within its bounds. */
    get value() {
        return this.#value;
    }

    set value(value) {
        const isRange = this.getAttribute("type") === "range";
        const [least, most] = [Number(this.getAttribute("min")), Number(this.getAttribute("max"))];
        this.#value = isRange ? String(Math.min(most, Math.max(least, Number(value)))) : String(value);
    }

    focus() {
        const before = this.ownerDocument.activeElement;
        this.ownerDocument.activeElement = this;
        before?.dispatchEvent(new Event("blur"));
        this.dispatchEvent(new Event("focus"));
    }

    select() {}

    scrollIntoView() {}

    getBoundingClientRect() {
        return { left: 0 };
    }

    getClientRects() {
        return this.matches("[hidden]") ? [] : [this.getBoundingClientRect()];
    }

    click() {
        if (!this.matches("[disabled]")) {
            this.dispatchEvent(new Event("click"));
            this.onclick?.();
        }
    }

    /** Of a dialog. */
    showModal() {
        this.setAttribute("open", "");
    }

    close() {
        this.toggleAttribute("open", false);
        this.dispatchEvent(new Event("close"));
    }
}

/** Properties that are attributes: whether they are there, and what they say. */
for (const name of ["hidden", "disabled", "open"]) {
    Object.defineProperty(FakeElement.prototype, name, {
        get() {
            return this.matches(`[${name}]`);
        },
        set(isThere) {
            this.toggleAttribute(name, isThere);
        },
    });
}
const NAMES = { max: "max", title: "title", id: "id", href: "href", className: "class", dateTime: "datetime" };
for (const [name, attribute] of Object.entries(NAMES)) {
    Object.defineProperty(FakeElement.prototype, name, {
        get() {
            return this.getAttribute(attribute) ?? "";
        },
        set(value) {
            this.setAttribute(attribute, value);
        },
    });
}

/** The classes of elements, by their names; views ask for them. */
const CLASSES = {
    HTMLElement: FakeElement,
    HTMLButtonElement: class extends FakeElement {},
    HTMLDialogElement: class extends FakeElement {},
    HTMLFormElement: class extends FakeElement {},
    HTMLInputElement: class extends FakeElement {},
    HTMLSelectElement: class extends FakeElement {},
};

class FakeDocument extends EventTarget {
    hidden = false;
    title = "";
    /** @type {FakeElement | null} */
    activeElement = null;
    root = new FakeElement("body", this);

    /** @param {string} tag */
    createElement(tag) {
        const name = `HTML${tag[0]?.toUpperCase()}${tag.slice(1)}Element`;
        const Class = name in CLASSES ? CLASSES[/** @type {keyof typeof CLASSES} */ (name)] : FakeElement;
        return new Class(tag, this);
    }

    /** @param {string} _namespace @param {string} tag */
    createElementNS(_namespace, tag) {
        return this.createElement(tag);
    }

    /** @param {string} id */
    getElementById(id) {
        return this.root.all.find((element) => element.getAttribute("id") === id) ?? null;
    }

    get visibilityState() {
        return this.hidden ? "hidden" : "visible";
    }

    hasFocus() {
        return true;
    }
}

/**
 * Opens a page: each element of it that has an id is there, side by side with the others.
 *
 * @param {"dashboard" | "demo"} name
 */
export function openPage(name) {
    const document = new FakeDocument();
    const markup = readFileSync(new URL(`${name}/index.html`, STATIC), "utf8");
    for (const [, tag = "", attributes = ""] of markup.matchAll(/<([a-z0-9]+)\b([^>]*\bid="[^>]*)>/g)) {
        const element = document.createElement(tag);
        for (const [, attribute = "", value = ""] of attributes.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)) {
            element.setAttribute(attribute, value);
        }
        document.root.append(element);
    }
    /** @type {(() => void)[]} */
    const frames = [];
    const window = new EventTarget();
    const requestAnimationFrame = (/** @type {() => void} */ draw) => frames.push(draw);
    const addEventListener = window.addEventListener.bind(window);
    Object.assign(globalThis, CLASSES, { document, window, addEventListener, requestAnimationFrame });
    return {
        /** @type {any} */
        document,
        window,
        /** @param {string} id @returns {any} */
        part: (id) => document.getElementById(id),
        /** Lets the page draw what it wants to, unless it is hidden. */
        draw: () => document.hidden || frames.splice(0).forEach((frame) => frame()),
        /** @param {boolean} isHidden */
        hide(isHidden) {
            document.hidden = isHidden;
            document.dispatchEvent(new Event("visibilitychange"));
        },
        /** Has somebody type a text. @param {string} id @param {string} text */
        type(id, text) {
            const element = /** @type {FakeElement} */ (document.getElementById(id));
            element.value = text;
            element.dispatchEvent(new Event("input"));
        },
        /** Has somebody send a form. @param {string} id */
        submit(id) {
            const event = new Event("submit", { cancelable: true });
            document.getElementById(id)?.dispatchEvent(event);
            return event;
        },
    };
}
