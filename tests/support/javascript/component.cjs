// Shows a React component: `node component.cjs CODE GIVEN`, until its input ends.
//
// Tells as JSON, one a line, what is shown whenever that has changed: the text of each element, and
// the data of each chart.
const Module = require("module");
const given = JSON.parse(process.argv[3]);
const React = require("react");
const { create } = require("react-test-renderer");

globalThis.React = React;
globalThis.WebSocket ??= require("ws");
Object.assign(globalThis, given.values);
// A page's own paths are those of the service.
const { fetch } = globalThis;
globalThis.fetch = (path, options) => fetch(given.values.API_URL + path, options);
// Charts that are not drawn, but can be looked at.
const recharts = new Proxy({}, { get: (_, name) => (props) => React.createElement(name, props) });
const load = Module._load;
Module._load = (name, ...rest) => (name === "recharts" ? recharts : load(name, ...rest));

const sample = new Module("sample");
sample.paths = module.paths;
sample._compile(`${process.argv[2]}\nmodule.exports = JobMonitor;`, "/sample.cjs");

const text = (element) =>
  typeof element === "string" ? element : (element.children ?? []).map(text).join("");
const told = (element) => [
  ...(element.type === "LineChart" ? [["chart", element.props.data]] : []),
  ...(["h2", "p"].includes(element.type) ? [["text", text(element)]] : []),
  ...(element.type === "div" && typeof element.children?.[0] === "string"
    ? [["log", text(element)]]
    : (element.children ?? []).flatMap((each) => (typeof each === "string" ? [] : told(each)))),
];
const shown = create(React.createElement(sample.exports, { jobId: given.values.jobId }));
let last = "";
setInterval(() => {
  const now = JSON.stringify(told(shown.toJSON()));
  if (now !== last) console.log(now);
  last = now;
}, 10);
process.stdin
  .on("end", () => {
    shown.unmount();
    process.exit();
  })
  .resume();
