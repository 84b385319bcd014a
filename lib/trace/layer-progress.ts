/**
 * Told before every layer of what is counted layer by layer, so that who waits knows how far it is.
 *
 * @param index From 0.
 * @param numLayers Layers that are counted.
 */
export type OnLayer = (index: number, numLayers: number) => void;
