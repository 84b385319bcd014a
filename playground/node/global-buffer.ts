/** The name under which Node's modules find it. */
export { PageBuffer as Buffer } from "./buffer.js";
