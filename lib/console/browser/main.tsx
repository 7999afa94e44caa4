import { render } from "preact";
import { readIndexers } from "./api/indexers.ts";
import { keepTokenOfAddress } from "./api/token.ts";
import { App } from "./app.tsx";
import { applyTheme } from "./parts/themes.tsx";

keepTokenOfAddress();
applyTheme();
void readIndexers().then(() => render(<App />, document.getElementById("console")!));
