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
