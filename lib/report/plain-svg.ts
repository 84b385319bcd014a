import { parseHTML } from "linkedom";

/** What of an element is used here; linkedom's own types ask for those of browsers. */
interface SvgElement {
  readonly parentElement: SvgElement | null;
  readonly textContent: string;
  getAttribute(name: string): string | null;
  getAttributeNames(): string[];
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  matches(selector: string): boolean;
  remove(): void;
}

interface Rule {
  readonly selector: string;
  readonly declarations: readonly (readonly [string, string])[];
}

/** Properties that are attributes in SVG as well. */
const PRESENTATION = new Set(["fill", "stroke", "stroke-width", "stroke-dasharray", "font-weight", "color"]);

/**
 * The same picture with its light colours written out: for programs that draw SVG and know neither CSS variables nor calculations with
 * them. Colours that are mixed are mixed in sRGB.
 *
 * @param svg One of this package's pictures.
 */
export function plainSvg(svg: string): string {
  const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`) as unknown as {
    document: {
      querySelector(selector: string): SvgElement & { outerHTML: string };
      querySelectorAll(selector: string): Iterable<SvgElement>;
    };
  };
  const styles = [...document.querySelectorAll("style")];
  const rules = styles.flatMap(({ textContent }) => rulesOf(textContent));
  for (const style of styles) style.remove();
  const root = new Map(
    rules.flatMap(({ selector, declarations }) => (selector === ":root" ? declarations : [])),
  );
  const named = new Map<SvgElement, ReadonlyMap<string, string>>();
  for (const element of document.querySelectorAll("svg, svg *")) {
    const inherited = (element.parentElement && named.get(element.parentElement)) ?? root;
    const own = declarationsOf(element.getAttribute("style") ?? "");
    const variables = own.some(([name]) => name.startsWith("--"))
      ? new Map([...inherited, ...own])
      : inherited;
    named.set(element, variables);
    for (const name of element.getAttributeNames()) {
      const value = element.getAttribute(name) ?? "";
      if (name !== "style" && value.includes("var(")) element.setAttribute(name, resolve(value, variables));
    }
    const styled = rules.filter(({ selector }) => !selector.includes(":") && element.matches(selector));
    for (const [name, value] of [...styled.flatMap(({ declarations }) => declarations), ...own]) {
      if (PRESENTATION.has(name)) element.setAttribute(name, resolve(value, variables));
    }
    const kept = own.filter(([name]) => !name.startsWith("--") && !PRESENTATION.has(name));
    if (kept.length === 0) element.removeAttribute("style");
    else element.setAttribute("style", kept.map(([name, value]) => `${name}: ${value}`).join("; "));
  }
  return `${document.querySelector("svg").outerHTML}\n`;
}

/** Rules of a style sheet but those for some screens only. */
function rulesOf(css: string): Rule[] {
  const plain = css.replace(/@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g, "");
  return [...plain.matchAll(/([^{}]+)\{([^{}]*)\}/g)].flatMap(([, selectors, body]) =>
    selectors
      .split(/,(?![^(]*\))/)
      .map((selector) => ({ selector: selector.trim(), declarations: declarationsOf(body) })),
  );
}

function declarationsOf(text: string): (readonly [string, string])[] {
  return text.split(";").flatMap((part) => {
    const colon = part.indexOf(":");
    return colon < 0 ? [] : [[part.slice(0, colon).trim(), part.slice(colon + 1).trim()] as const];
  });
}

/** A value with variables, calculations and mixtures worked out, from the innermost. */
function resolve(value: string, variables: ReadonlyMap<string, string>): string {
  const next = value
    .replace(/var\((--[\w-]+)\)/g, (_, name: string) => variables.get(name) ?? "none")
    .replace(/calc\(([^()]*)\)/g, (_, terms: string) => calculate(terms))
    .replace(/color-mix\(in \w+, (#\w+) ([\d.]+)%, (#\w+)\)/g, (_, from: string, share: string, to: string) =>
      mix(from, to, Number(share) / 100),
    );
  return next === value ? value : resolve(next, variables);
}

/** Sums of products, the unit of one of them. */
function calculate(terms: string): string {
  const total = terms
    .split("+")
    .map((term) => term.split("*").reduce((product, factor) => product * parseFloat(factor), 1))
    .reduce((sum, term) => sum + term, 0);
  return `${Number(total.toFixed(3))}${terms.includes("%") ? "%" : ""}`;
}

function mix(from: string, to: string, share: number): string {
  const [first, second] = [from, to].map(channels);
  const mixed = first.map((channel, index) => Math.round(channel * share + second[index] * (1 - share)));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

function channels(colour: string): number[] {
  const digits = colour.length === 4 ? colour.replace(/[^#]/g, "$&$&") : colour;
  return [1, 3, 5].map((at) => parseInt(digits.slice(at, at + 2), 16));
}
