// Two clients that talk over whatever network there is: `node --experimental-websocket talkers.mjs URL COUNT`.
//
// Each joins a room and sends COUNT numbered texts to it, some at a time. A line is printed for each that was heard, and in
// the end, as JSON, what each of the two has heard, how many of its texts the server has acked, how many of its sessions
// were resumed and how many begun, and under which identities.

import { JSONgleClient } from "../../jsongle_server/static/jsongle-client.js";

const [url, count] = [process.argv[2], Number(process.argv[3])];
const options = { heartbeat: 500, timeout: 500, backoff: { first: 20, most: 100 } };
const clients = ["ann", "ben"].map((uid) => new JSONgleClient(url, { uid, ...options }));

const reports = clients.map((client) => {
    const report = { heard: /** @type {number[]} */ ([]), acked: 0, resumes: 0, anew: 0, ids: /** @type {string[]} */ ([]) };
    client.on("text", ({ content }) => {
        report.heard.push(content);
        console.log(`heard ${content}`);
    });
    client.on("online", ({ resumed }) => {
        report[resumed ? "resumes" : "anew"] += 1;
        report.ids.push(client.id);
    });
    return report;
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

for (const client of clients) {
    await client.connect();
    await client.join("tea");
}
await Promise.all(
    clients.map(async (client, index) => {
        const acks = [];
        for (let number = 0; number < count; number += 1) {
            acks.push(client.sendText("tea", number).received);
            if (number % 5 === 0) {
                await pause();
            }
        }
        reports[index].acked = (await Promise.allSettled(acks)).filter(({ status }) => status === "fulfilled").length;
    }),
);
while (reports.some(({ heard }) => heard.length < count)) {
    await pause();
}
clients.forEach((client) => client.close());
// Node would wait for the end of connections that are dead, and have been given up.
process.stdout.write(`${JSON.stringify(reports)}\n`, () => process.exit());
