/**
 * How many copies a token has with experts chosen at random: what measurements with random routers are to be held against.
 */

/**
 * Expected number of parts that the experts of a token are on, of parts that hold as many experts each.
 *
 * numParts x (1 - C(numExperts - numExperts / numParts, topK) / C(numExperts, topK)). Of more parts than experts as many have
 * one as there are experts; NaN where a token chooses more experts than there are.
 *
 * @example
 * expectedParts({ numExperts: 256, topK: 8, numParts: 8 }); // 5.295
 */
export function expectedParts(options: { numExperts: number; topK: number; numParts: number }): number {
  const { numExperts, topK } = options;
  const numParts = Math.min(options.numParts, numExperts);
  const inPart = numExperts / numParts;
  let allElsewhere = 1;
  for (let chosen = 0; chosen < topK; chosen++) {
    allElsewhere *= Math.max(0, numExperts - inPart - chosen) / (numExperts - chosen);
  }
  return numParts * (1 - allElsewhere);
}

/**
 * Expected servers and GPUs that a token has experts on where its router keeps to some of the servers, or to as many more as
 * hold the experts that it chooses.
 *
 * @param options.mostServers Servers that the router keeps a token to (DeepSeek-V3: 4).
 */
export function expectedCopies(options: {
  numExperts: number;
  topK: number;
  numServers: number;
  gpusPerServer: number;
  mostServers: number;
}): { servers: number; gpus: number } {
  const { numExperts, topK, numServers, gpusPerServer, mostServers } = options;
  const enough = Math.ceil((topK * numServers) / numExperts);
  const servers = Math.min(numServers, Math.max(mostServers, enough));
  const among = { numExperts: (numExperts * servers) / numServers, topK };
  return {
    servers: expectedParts({ ...among, numParts: servers }),
    gpus: expectedParts({ ...among, numParts: servers * gpusPerServer }),
  };
}
