/** Light or dark: as the system says, until someone chooses. */

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {string} theme */
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  for (const tell of listeners) tell();
}

/** @type {(() => void)[]} */
const listeners = [];

/** Call a function whenever colours change. @param {() => void} tell */
export function onTheme(tell) {
  listeners.push(tell);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
}

/** @param {HTMLElement} button */
export function themeButton(button) {
  button.onclick = () => setTheme(isDark() ? "light" : "dark");
}

const remembered = localStorage.getItem("theme");
if (remembered) setTheme(remembered);
