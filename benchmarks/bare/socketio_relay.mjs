// A bare relay on Node and Socket.IO: `node socketio_relay.mjs PORT`.
//
// It is what most would write in Node for rooms: Socket.IO over WebSocket alone, each JSONgle message an event
// "message" with the object in it, in both directions, rooms as Socket.IO has them, compression off. Socket.IO's own
// packets and pings come on top of the messages. It is no server to use: see __init__.py beside it.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const SERVER = "jsongle-server";
const clients = new Map(); // sockets by identity

function greet(socket) {
    const identity = randomUUID();

    const say = (jsongle) => socket.emit("message", { id: randomUUID(), from: SERVER, to: identity, jsongle });

    function relay(message) {
        const { to, jsongle } = message;
        message.from = identity;
        const recipient = clients.get(to);
        if (recipient !== undefined) {
            recipient.emit("message", message);
        } else {
            socket.to(to).emit("message", message);
        }
        const description = { acknowledged: new Date().toISOString(), mid: message.id, type: "server-received" };
        say({ action: "session-event", namespace: jsongle.namespace, event: "ack", description });
    }

    function join({ query, transaction, description: { rid } }) {
        socket.join(rid);
        say({ action: "iq-result", query, transaction, description: { rid, members: [] } });
    }

    socket.on("message", (message) => {
        const { action, transaction } = message.jsongle;
        if (action === "session-text") {
            relay(message);
        } else if (action === "iq-set") {
            join(message.jsongle);
        } else if (action === "iq-result") {
            say({ action: "ack", status: "success", transaction });
        }
    });

    socket.on("disconnect", () => clients.delete(identity));

    clients.set(identity, socket);
    const description = { version: "0", sn: SERVER, info: "bare relay", connected: new Date().toISOString() };
    say({ action: "iq-get", query: "session-hello", transaction: randomUUID(), description });
}

const http = createServer();
const server = new Server(http, {
    httpCompression: false,
    perMessageDeflate: false,
    serveClient: false,
    transports: ["websocket"],
});
server.on("connection", greet);
// Socket.IO's documentation advises to let go of the opening request, which nothing needs any more.
server.engine.on("connection", (connection) => {
    connection.request = null;
});
http.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 1024 }, () => {
    console.log(`ready ${http.address().port}`);
});
