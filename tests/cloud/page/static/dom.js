// SPDX-License-Identifier: Apache-2.0
// What all parts of the page use: elements, lists that keep what is in them, requests.

export const $ = (selector, within = document) => within.querySelector(selector);
export const copyOf = name => $(`template#${name}`).content.firstElementChild.cloneNode(true);

/** One child for each item, in order; those that exist stay, with what is typed into them. */
export function sync(container, items, make, update) {
  const old = new Map([...container.children].map(child => [child.dataset.id, child]));
  items.forEach((item, index) => {
    const child = old.get(item.id) ?? make(item);
    child.dataset.id = item.id;
    old.delete(item.id);
    if (container.children[index] !== child)
      container.insertBefore(child, container.children[index] ?? null);
    update(child, item);
  });
  old.forEach(child => child.remove());
}

/** Only what is different, so that screen readers speak of changes only. */
export function text(within, texts) {
  for (const [selector, value] of Object.entries(texts)) {
    const element = $(selector, within);
    if (element.textContent !== value) element.textContent = value;
  }
}

/** The platform's token against requests that a foreign page makes. */
export const xsrf = () => document.cookie.match(/(?:^|; )XSRF-TOKEN=([^;]*)/)?.[1] ?? "";

/** null: there was no answer. */
export const ask = (path, options = {}) =>
  fetch(path, {...options, headers: {...options.headers, "X-XSRF-TOKEN": xsrf()}})
    .catch(() => null);

/** Shows in the form why not. */
export async function succeeded(answer, form) {
  const problem = !answer ? "The cloud does not answer."
    : answer.ok ? "" : (await answer.json()).message;
  text(form, {".problem": problem});
  return problem === "";
}
