// A bare relay on Node and ws: `node ws_relay.mjs PORT`.
//
// It is what most would write first for signaling in Node: the ws library with its native helper, JSON.parse and
// JSON.stringify, a room's message encoded once, Nagle and compression off. It is no server to use: see __init__.py
// beside it.

import { randomUUID } from "node:crypto";
import { WebSocketServer } from "ws";

const SERVER = "jsongle-server";
const clients = new Map(); // sockets by identity
const rooms = new Map(); // sets of sockets by rid

function greet(socket) {
    const identity = randomUUID();
    const joined = new Set();

    const say = (jsongle) => socket.send(JSON.stringify({ id: randomUUID(), from: SERVER, to: identity, jsongle }));

    function relay(message) {
        const { to, jsongle } = message;
        message.from = identity;
        const recipient = clients.get(to);
        if (recipient !== undefined) {
            recipient.send(JSON.stringify(message));
        } else if (rooms.has(to)) {
            const payload = Buffer.from(JSON.stringify(message));
            for (const member of rooms.get(to)) {
                if (member !== socket) {
                    member.send(payload, { binary: false });
                }
            }
        }
        const description = { acknowledged: new Date().toISOString(), mid: message.id, type: "server-received" };
        say({ action: "session-event", namespace: jsongle.namespace, event: "ack", description });
    }

    function join({ query, transaction, description: { rid } }) {
        if (!rooms.has(rid)) {
            rooms.set(rid, new Set());
        }
        rooms.get(rid).add(socket);
        joined.add(rid);
        say({ action: "iq-result", query, transaction, description: { rid, members: [] } });
    }

    socket.on("message", (data) => {
        const message = JSON.parse(data);
        const { action, transaction } = message.jsongle;
        if (action === "session-text") {
            relay(message);
        } else if (action === "iq-set") {
            join(message.jsongle);
        } else if (action === "iq-result") {
            say({ action: "ack", status: "success", transaction });
        }
    });

    socket.on("close", () => {
        clients.delete(identity);
        for (const rid of joined) {
            const members = rooms.get(rid);
            members.delete(socket);
            if (members.size === 0) {
                rooms.delete(rid);
            }
        }
    });

    socket.on("error", () => socket.terminate());

    clients.set(identity, socket);
    const description = { version: "0", sn: SERVER, info: "bare relay", connected: new Date().toISOString() };
    say({ action: "iq-get", query: "session-hello", transaction: randomUUID(), description });
}

const server = new WebSocketServer({
    host: "127.0.0.1",
    port: Number(process.argv[2]),
    backlog: 1024,
    clientTracking: false,
    perMessageDeflate: false,
});
server.on("connection", greet);
server.on("listening", () => console.log(`ready ${server.address().port}`));
