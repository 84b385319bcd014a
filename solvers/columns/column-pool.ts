import type { Column } from "./column.js";

/** The distinct columns met by a search: what set partitioning recombines. In the order of their first meeting. */
export class ColumnPool {
  readonly #columns = new Map<string, Column>();

  get columns(): Column[] {
    return [...this.#columns.values()];
  }

  /** @returns Whether it is new. */
  add(column: Column): boolean {
    const key = column.experts.join();
    if (this.#columns.has(key)) return false;
    this.#columns.set(key, column);
    return true;
  }
}
