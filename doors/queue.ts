/** moeplace/queue: layers solved on other machines, by way of a Redis. */
export { openLayerQueue, type LayerQueue } from "../solvers/queue/layer-queue.js";
export { openQueueWorker, type QueueWorker, type QueueWorkerOptions } from "../solvers/queue/queue-worker.js";
