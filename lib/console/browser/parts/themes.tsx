import { useEffect, useState } from "preact/hooks";
import type { IconName } from "../view/tone.ts";
import { Icon } from "./icon.tsx";

const KEY = "slabmend-theme";
const THEMES: readonly (readonly [string, string, IconName])[] = [
  ["light", "Light", "sun"],
  ["auto", "As the system", "contrast"],
  ["dark", "Dark", "moon"],
];

/** Applies the theme saved in this browser; called before the first paint. */
export function applyTheme(theme = localStorage.getItem(KEY) ?? "auto"): void {
  const { dataset } = document.documentElement;
  if (theme === "auto") delete dataset["theme"];
  else dataset["theme"] = theme;
}

/** The theme in effect: the chosen one or, if none is chosen, the system's. */
export function useTheme(): string {
  const read = () =>
    document.documentElement.dataset["theme"] ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const [theme, setTheme] = useState(read);
  useEffect(() => {
    const change = () => setTheme(read());
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", change);
    const watch = new MutationObserver(change);
    watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      system.removeEventListener("change", change);
      watch.disconnect();
    };
  }, []);
  return theme;
}

export function Themes() {
  const [theme, setTheme] = useState(localStorage.getItem(KEY) ?? "auto");
  const choose = (name: string) => {
    localStorage.setItem(KEY, name);
    applyTheme(name);
    setTheme(name);
  };
  return (
    <fieldset class="themes">
      <legend class="visually-hidden">Colours</legend>
      {THEMES.map(([name, label, icon]) => (
        <label key={name} title={label}>
          <input type="radio" name="theme" checked={theme === name} onChange={() => choose(name)} />
          <Icon name={icon} />
          <span class="visually-hidden">{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
