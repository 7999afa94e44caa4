import { render } from "preact";
import { keepTokenOfAddress } from "./api/token.ts";
import { App } from "./app.tsx";
import { applyTheme } from "./parts/themes.tsx";

keepTokenOfAddress();
applyTheme();
render(<App />, document.getElementById("console")!);
