/**
 * Who somebody is to the server, and how he shows it.
 *
 * @module user-id
 */

/**
 * What to say hello with.
 *
 * @param {string} token  signed, or that of the application; empty where there is none.
 * @returns {{ uid: string, token?: string, info?: { appToken: string } }} options of the client.
 */
export function credentials(token) {
    const uid = userId(token);
    if (token === "") {
        return { uid };
    }
    return isSigned(token) ? { uid, token } : { uid, info: { appToken: token } };
}

/** Signed tokens are three parts with dots between them (RFC 7519 section 3). @param {string} token */
function isSigned(token) {
    return token.split(".").length === 3;
}

/**
 * The user id to say hello with: with a signed token the one that the token is for (its `sub`, RFC 7519 section 4.1.2),
 * as the server takes no other; else one of this page's own, so that two tabs are two users.
 *
 * @param {string} token  signed or not; empty where there is none.
 */
export function userId(token) {
    return subjectOf(token) ?? `demo-${randomHex(8)}`;
}

/** @param {number} count  of bytes. */
function randomHex(count) {
    const bytes = crypto.getRandomValues(new Uint8Array(count));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} token @returns {string | undefined} */
function subjectOf(token) {
    if (!isSigned(token)) {
        return undefined;
    }
    const [, claims] = token.split(".");
    try {
        const binary = atob(claims.replaceAll("-", "+").replaceAll("_", "/"));
        const bytes = Uint8Array.from(binary, (byte) => byte.charCodeAt(0));
        const { sub } = JSON.parse(new TextDecoder().decode(bytes));
        return typeof sub === "string" ? sub : undefined;
    } catch {
        return undefined; // the server will say what is wrong with it
    }
}
