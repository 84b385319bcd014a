import { InputError } from "../lib/errors.js";
import { RowLayers } from "./layer-name.js";
import { countExperts } from "./padding.js";
import type { TableRoles } from "./table-columns.js";
import { idOf, labelOf, layerOf, type TableRow } from "./table-values.js";
import type { TraceBuilder } from "./trace-builder.js";

/** The token whose rows are being read. */
interface OpenToken {
  readonly key: string;
  readonly sequence: unknown;
  readonly layer: number;
  readonly where: string;
  /** Its experts by their places; in the order of the rows, where nothing tells places. */
  readonly experts: Map<number, number>;
}

/**
 * Takes a table with a row for every expert of a token, as databases and data frames have them: rows that agree in the layer,
 * the token and whatever that is in, one after the other, are one token. Of top-1 models every row is one.
 *
 * @throws InputError, when taking rows, if those of a token are apart, or nothing tells tokens.
 */
export class LongTable {
  readonly #builder: TraceBuilder;
  readonly #roles: TableRoles & { readonly experts: string };
  readonly #layer: number;
  readonly #layers = new RowLayers();
  #open: OpenToken | undefined;
  /** Experts of the first token, which those of the others are as many as. */
  #topK: number | undefined;
  /** The least place of the first token, which others begin at, too. */
  #firstPlace: number | undefined;
  readonly #lastToken = new Map<number, number>();
  readonly #lastSequence = new Map<number, unknown>();

  /** @param layer Of tables without a column for it. */
  constructor(builder: TraceBuilder, roles: TableRoles & { readonly experts: string }, layer: number) {
    this.#builder = builder;
    this.#roles = roles;
    this.#layer = layer;
  }

  take(row: TableRow, where: string): void {
    const { experts, rank, token, sequence } = this.#roles;
    const layer =
      this.#roles.layer === undefined ? this.#layer : layerOf(row[this.#roles.layer], where, this.#layers);
    const key = [layer, ...token.map((column) => labelOf(row[column], where))].join();
    const isTopOne = this.#builder.options.topK === 1;
    const open = this.#open;
    const placeBehind = (numBefore: number) =>
      rank === undefined || isTopOne ? numBefore : idOf(row[rank], where);
    const next = placeBehind(open?.experts.size ?? 0);
    if (open?.key === key && !isTopOne && !open.experts.has(next)) {
      open.experts.set(next, idOf(row[experts], where));
      return;
    }
    this.end();
    if (!this.#roles.hasToken && !isTopOne) {
      throw new InputError(
        `${where}: found rows of one expert and no column that tells tokens, expected token, or count where these are loads`,
        "Maybe pass topK 1 where every row is a token of its own; a placement is for moeplace import or moeplace verify.",
      );
    }
    if (this.#comesAgain(row, layer)) throw this.#apart(where);
    const of = sequence === undefined ? undefined : row[sequence];
    const chosen = new Map([[placeBehind(0), idOf(row[experts], where)]]);
    this.#open = { key, sequence: of, layer, where, experts: chosen };
  }

  /** Hands on the last token. */
  end(): void {
    if (!this.#open) return;
    const { layer, where, sequence, ...open } = this.#open;
    this.#open = undefined;
    const places = [...open.experts].sort(([a], [b]) => a - b);
    const experts = places.map(([, expert]) => expert);
    // Rows of one place after the other are those of a token apart.
    this.#firstPlace ??= places[0][0];
    if (places[0][0] !== this.#firstPlace) throw this.#apart(where);
    this.#topK ??= experts.length;
    const isAlike = experts.length === this.#topK || this.#builder.options.topK !== undefined;
    const { numExperts, options } = this.#builder;
    const chosen = experts.slice(
      0,
      countExperts(experts, experts.length, { numExperts, padding: options.padding }),
    );
    if (!isAlike || new Set(chosen).size < chosen.length) throw this.#apart(where);
    if (this.#lastSequence.get(layer) !== sequence)
      this.#builder.startSequence(layer, { topK: experts.length });
    this.#lastSequence.set(layer, sequence);
    const fault = this.#builder.append(layer, experts);
    if (fault) throw new InputError(`${where}: ${fault.found}`, fault.advice);
  }

  /**
   * Whether tokens of a layer, of one row each, begin again, and nothing tells what they are in: they may be those of the next
   * sequence, and may be the next expert of the same.
   */
  #comesAgain(row: TableRow, layer: number): boolean {
    const { token, rank } = this.#roles;
    const isAlone = token.length === 1 && rank === undefined && (this.#topK ?? 1) === 1;
    if (!isAlone || this.#builder.options.topK === 1) return false;
    const number = Number(row[token[0]]);
    const comesAgain = number <= (this.#lastToken.get(layer) ?? -1);
    this.#lastToken.set(layer, number);
    return comesAgain;
  }

  #apart(where: string): InputError {
    return new InputError(
      `${where}: found rows of one expert that do not make tokens of as many each, expected those of a token one after the other`,
      "Maybe sort them by layer and token; pass topK 1 where every row is a token of its own, or topK, the most experts of a " +
        "token, where some have fewer.",
    );
  }
}
