// Bootstrap's colours follow the system's choice of light or dark. Runs before the page is drawn, so that nothing flashes.

{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  dark.addEventListener("change", follow);
  follow();
}
