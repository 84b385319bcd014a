/* global document */
const SVG = "http://www.w3.org/2000/svg";

/** Makes an element of a picture, with a text in it. */
export function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
