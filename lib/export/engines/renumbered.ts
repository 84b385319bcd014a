/** What goes wrong with a renumbered checkpoint, whatever the engine. */
export const renumberedWrong: readonly string[] = [
  "recordings of the renumbered model count experts in their new order; moeplace-renumbering.json beside it has both",
  "a router with expert groups (n_group above 1) chooses among groups of ids: the program stops where experts leave them",
  "adapters and draft models made for the first order have to be renumbered too",
];
