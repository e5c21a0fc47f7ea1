/**
 * Which way the media of a call take.
 *
 * @module connection-kind
 */

/**
 * Whether the media go from browser to browser or by way of a TURN server, as far as the browser tells (Identifiers for
 * WebRTC's Statistics API, sections 8.16 and 8.17).
 *
 * @param {{ getStats: () => Promise<Iterable<[string, any]> | RTCStatsReport> }} connection
 * @returns {Promise<"direct" | "relayed" | "unknown">}
 */
export async function connectionKind(connection) {
    const stats = new Map(/** @type {Iterable<[string, any]>} */ (await connection.getStats()));
    const pair = selectedPair(stats);
    if (pair === undefined) {
        return "unknown";
    }
    const ends = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
    return ends.some((candidate) => candidate?.candidateType === "relay") ? "relayed" : "direct";
}

/** @param {Map<string, any>} stats */
function selectedPair(stats) {
    const all = [...stats.values()];
    const transport = all.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
    if (transport !== undefined) {
        return stats.get(transport.selectedCandidatePairId);
    }
    // Firefox has no statistics of transports, and says it of the pairs.
    return all.find(({ type, selected, nominated, state }) =>
        type === "candidate-pair" && (selected ?? (nominated && state === "succeeded")));
}
