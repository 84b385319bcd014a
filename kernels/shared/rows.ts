// Patterns as rows of lanes: the experts of a token, 16 bits each, as many lanes as the widest pattern fills of whole
// vectors. A lane that is not in use holds one expert more than there are, so that no loop asks how many are: tables have
// an entry for it, which nobody reads.

/** Address of an entry of 32 bits. */
export function entry(table: usize, at: usize): usize {
  return table + (at << 2);
}

export function add(at: usize, count: i32): void {
  store<i32>(at, load<i32>(at) + count);
}

/** Adds `count` to the entries of a row's experts. */
export function addToRow(table: usize, row: usize, rowBytes: usize, count: i32): void {
  const end = row + rowBytes;
  for (let at = row; at < end; at += 8) {
    const experts = load<u64>(at);
    add(entry(table, usize(experts & 0xffff)), count);
    add(entry(table, usize((experts >> 16) & 0xffff)), count);
    add(entry(table, usize((experts >> 32) & 0xffff)), count);
    add(entry(table, usize(experts >> 48)), count);
  }
}
