/**
 * The few things that all views do to the page.
 *
 * @module dom
 */

/**
 * The element with an id.
 *
 * @param {string} id
 * @returns {any} whatever it is: the page and the scripts come from one hand.
 */
export function byId(id) {
    const element = document.getElementById(id);
    if (element === null) {
        throw new Error(`the page has no ${id}`);
    }
    return element;
}

/**
 * Shows or hides an element.
 *
 * @param {string} id
 * @param {boolean} isShown
 */
export function show(id, isShown) {
    byId(id).hidden = !isShown;
}

/**
 * Writes a text into an element, and hides it while that is empty. Texts are never markup.
 *
 * @param {string} id
 * @param {string} text
 */
export function write(id, text) {
    const element = byId(id);
    if (element.textContent !== text) {
        element.textContent = text; // written again, it would be read out again
    }
    element.hidden = text === "";
}

/**
 * Has a button show another icon of the page.
 *
 * @param {HTMLElement} button
 * @param {string} name
 */
export function setIcon(button, name) {
    button.querySelector("use")?.setAttribute("href", `#icon-${name}`);
}

/**
 * Has an element do something when it is clicked.
 *
 * @param {string} id
 * @param {() => void} listener
 */
export function onClick(id, listener) {
    byId(id).addEventListener("click", listener);
}
