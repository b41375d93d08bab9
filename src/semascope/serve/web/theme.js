// Before anything is drawn: the theme that was chosen here last, if one was.
(() => {
  try {
    const chosen = localStorage.getItem("semascope-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch { /* nothing is kept in this browser */ }
})();
