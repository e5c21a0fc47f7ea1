/**
 * Who somebody is to the server.
 *
 * @module user-id
 */

/**
 * The user id to say hello with: with a signed token the one that the token is for (its `sub`, RFC 7519 section 4.1.2), as
 * the server takes no other; else one of this page's own, so that two tabs are two users.
 *
 * @param {string} token  signed or not; empty where there is none.
 */
export function userId(token) {
    return subjectOf(token) ?? `demo-${[...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** @param {string} token @returns {string | undefined} */
function subjectOf(token) {
    const [, claims, signature] = token.split(".");
    if (signature === undefined) {
        return undefined; // not a signed token
    }
    try {
        const bytes = Uint8Array.from(atob(claims.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
        const { sub } = JSON.parse(new TextDecoder().decode(bytes));
        return typeof sub === "string" ? sub : undefined;
    } catch {
        return undefined; // the server will say what is wrong with it
    }
}
