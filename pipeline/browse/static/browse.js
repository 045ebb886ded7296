"use strict";

// Keys: rows are walked with j and k, lists turned with n and p, views opened by number.
function rows() {
  return [...document.querySelectorAll("[data-row] a:first-of-type")];
}

function step(by) {
  const links = rows();
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  links[Math.max(0, Math.min(links.length - 1, next))].focus();
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
}

const help = document.getElementById("help");
document.getElementById("help-button").addEventListener("click", () => help.showModal());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    n: () => follow("a[rel=next]"),
    p: () => follow("a[rel=prev]"),
    "?": () => help.showModal(),
    "/": () => {
      event.preventDefault();
      document.querySelector(".search input").select();
    },
  };
  if (event.key in keys) keys[event.key]();
  const number = Number(event.key);
  if (number >= 1) follow(`header nav a:nth-child(${number})`);
});

// Thresholds: a moved slider asks for what it would change; the address keeps what is set.
const thresholds = document.getElementById("thresholds");
if (thresholds) {
  const shown = document.getElementById("difference");
  let asked = null;

  const moved = () =>
    [...thresholds.querySelectorAll("input[type=number]")].filter((one) => one.value !== one.dataset.set);

  function rangeOf(number) {
    return thresholds.querySelector(`[data-of="${CSS.escape(number.name)}"]`);
  }

  async function compare() {
    if (asked) asked.abort();
    asked = new AbortController();
    const query = new URLSearchParams(moved().map((one) => [one.name, one.value]));
    const interval = thresholds.elements.namedItem("interval");
    if (interval) query.set("interval", interval.value);
    history.replaceState(null, "", `${thresholds.action}?${query}`);
    shown.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${thresholds.dataset.fragment}?${query}`, { signal: asked.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // An error comes as a whole page, of which the content is what matters.
      shown.replaceChildren(...(answer.ok ? page.body : page.getElementById("main")).childNodes);
    } catch (error) {
      if (error.name === "AbortError") return;
      shown.textContent = "The server does not answer. Does `webtext browse` still run?";
    }
    shown.removeAttribute("aria-busy");
  }

  // A slider runs through quantiles of what it bounds; between two of them it is even.
  const marksOf = (range) => range.dataset.marks.split(" ").map(Number);

  function valueAt(range) {
    const marks = marksOf(range);
    const below = Math.min(Math.floor(range.value), marks.length - 2);
    if (below < 0) return marks[0];
    const gap = marks[below + 1] - marks[below];
    const value = marks[below] + gap * (range.value - below);
    const digits = gap ? Math.max(0, 2 - Math.floor(Math.log10(gap))) : 6;
    return Number(value.toFixed(Math.min(digits, 8)));
  }

  function place(range, value) {
    const marks = marksOf(range);
    const above = marks.findIndex((mark) => mark >= value);
    if (above <= 0) range.value = above < 0 ? marks.length - 1 : 0;
    else range.value = above - (marks[above] - value) / (marks[above] - marks[above - 1]);
  }

  for (const number of thresholds.querySelectorAll("input[type=number]")) {
    if (number.value !== "") place(rangeOf(number), Number(number.value));
  }

  let waiting = 0;
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(compare, 250);
  }

  function note(number) {
    number.closest(".slider").classList.toggle("moved", number.value !== number.dataset.set);
    soon();
  }

  thresholds.addEventListener("input", (event) => {
    const input = event.target;
    if (input.type === "range") {
      const number = document.getElementById(input.dataset.of);
      number.value = valueAt(input);
      note(number);
    } else if (input.type === "number") {
      if (input.value !== "") place(rangeOf(input), Number(input.value));
      note(input);
    } else {
      soon();
    }
  });
  thresholds.addEventListener("submit", (event) => {
    event.preventDefault();
    compare();
  });
}

// Runs: a click on a curve leads to the documents of the step below it.
const figures = document.querySelector(".figures[data-run]");
if (figures) {
  figures.addEventListener("click", (event) => {
    const drawing = event.target.closest("svg");
    if (!drawing) return;
    const [left, right] = drawing.dataset.steps.split(" ").map(Number);
    const axis = drawing.querySelector("path").getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - axis.left) / axis.width));
    const step = Math.max(1, Math.round(left + share * (right - left)));
    location.href = `${figures.dataset.trace}?${new URLSearchParams({ run: figures.dataset.run, step })}`;
  });
}
