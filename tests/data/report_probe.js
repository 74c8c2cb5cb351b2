// Run by tests/report.rs when a copy of a page is loaded: does what a reader does, and leaves what it saw in the document.
"use strict";
const marks = [...document.querySelectorAll(".chart .mark")];
const tipNow = () => (document.getElementById("tip").hidden ? "" : document.getElementById("tip").textContent);
const seen = { charts: {}, hovered: 0, missed: [], focused: "", arrowed: "", escaped: "", sorted: [], wide: document.documentElement.scrollWidth - document.documentElement.clientWidth };
for (const chart of document.querySelectorAll(".chart")) {
  seen.charts[chart.id] = chart.querySelectorAll(".mark").length;
}
for (const mark of marks) {
  mark.scrollIntoView({ block: "center" });
  const box = (mark.querySelector(".marker") || mark).getBoundingClientRect();
  const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  // Neighbours may lie on top of each other; the one on top must say what it is.
  const on = hit && hit.closest(".mark");
  if (!on) {
    seen.missed.push(mark.getAttribute("aria-label"));
    continue;
  }
  on.dispatchEvent(new PointerEvent("pointerenter"));
  if (tipNow() === on.getAttribute("aria-label") && tipNow().includes("\n")) seen.hovered += 1;
  on.dispatchEvent(new PointerEvent("pointerleave"));
  if (tipNow() !== "") seen.missed.push("the tip stays");
}
if (marks.length > 1) {
  marks[0].focus();
  seen.focused = tipNow();
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  seen.arrowed = tipNow();
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  seen.escaped = tipNow();
}
const head = document.querySelector("table.data thead [role=button]");
if (head) {
  const column = () => [...head.closest("table").tBodies[0].rows].map((r) => parseFloat(r.cells[0].textContent));
  head.click();
  head.click();
  seen.sorted = column();
}
// Everything that was fetched; what is inside the page is not.
seen.fetched = performance.getEntriesByType("resource").map((r) => r.name).filter((name) => !name.startsWith("data:"));
seen.pictures = [...document.images].map((i) => i.complete && i.naturalWidth > 0);
const out = document.createElement("script");
out.type = "application/json";
out.id = "seen";
out.textContent = JSON.stringify(seen).replaceAll("<", "\\u003c");
document.body.append(out);
