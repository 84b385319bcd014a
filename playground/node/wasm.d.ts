declare module "highs/runtime" {
  const bytes: Uint8Array;
  export default bytes;
}
