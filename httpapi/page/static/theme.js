// Sets the theme before anything is drawn: what was chosen here, else what the system wishes.
// It is a plain script, because modules run later.
"use strict";
(() => {
  let wish = null;
  try { wish = localStorage.getItem("perfmon-theme"); } catch { /* storage is switched off */ }
  if (wish !== "light" && wish !== "dark") wish = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = wish;
})();
