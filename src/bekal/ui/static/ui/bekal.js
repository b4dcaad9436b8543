// Comforts only: every page works without this file.
"use strict";
(() => {
  // A form is sent once: the second click of a hurried finger does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
  // Coming back with the back button must find forms that can be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
    }
  });
  // The balance stays hidden on the next page, on this device only.
  const veil = document.getElementById("veil");
  if (veil) {
    veil.checked = localStorage.getItem("veil") === "1";
    veil.addEventListener("change", () => localStorage.setItem("veil", veil.checked ? "1" : "0"));
  }
  // How many characters are left in a long text.
  for (const area of document.querySelectorAll("textarea[data-left]")) {
    const line = document.getElementById(area.dataset.left);
    const tell = () => { line.textContent = line.dataset.words.replace("0", String(area.maxLength - area.value.length)); };
    area.addEventListener("input", tell);
  }
  // A page on which something goes on looks again, but not away from under whoever types, reads a list or looks elsewhere.
  const again = document.querySelector("meta[name=look-again]");
  if (again) {
    const look = () => {
      const isBusy = document.hidden || document.querySelector("details[open]")
        || document.activeElement.matches("input, select, textarea");
      if (isBusy) setTimeout(look, 1000); else location.reload();
    };
    setTimeout(look, Number(again.content) * 1000);
  }
  // A table too wide for this window names its cells, so that on a phone each row can stand as a card.
  for (const table of document.querySelectorAll(".scroll > table:not(.front)")) {
    const heads = table.tHead && table.tHead.rows.length === 1 ? table.tHead.rows[0].cells : [];
    const box = table.parentElement;
    if (!heads.length || box.scrollWidth <= box.clientWidth) continue;
    for (const row of table.querySelectorAll(":scope > :not(thead) > tr")) {
      for (const cell of row.cells) {
        const name = heads[cell.cellIndex] && heads[cell.cellIndex].textContent.trim();
        if (name && cell.colSpan === 1) cell.dataset.is = name;
      }
    }
    table.classList.add("folds");
    if (box.scrollWidth > box.clientWidth) table.classList.add("single");
  }
})();
