// The page: its panels about one timeline.
import { connect } from "./link.js";
import { Panels } from "./panels/panels.js";
import { Timeline } from "./timeline/timeline.js";
import { html, render } from "./ui.js";

render(html`<${Panels}><${Timeline} /></${Panels}>`, document.body);
connect();
