// Runs a sample as a page would: `node sample.cjs CODE GIVEN`, until its input ends if it listens.
//
// GIVEN is JSON: values and functions that the sample expects to be there, and what it shall tell
// in the end. Calls of these functions are told as JSON, one a line.
const given = JSON.parse(process.argv[3]);
const tell = (name, ...what) => console.log(JSON.stringify([name, ...what]));
const AsyncFunction = (async () => {}).constructor;

Object.assign(globalThis, given.values);
for (const name of given.functions) globalThis[name] = (...what) => tell(name, ...what);
// As in a browser, a connection that fails ends no page.
globalThis.WebSocket ??= class extends require("ws") {
  constructor(...given) {
    super(...given);
    this.on("error", () => {});
  }
};
// What JSX becomes; no page is drawn here.
globalThis.React = { createElement: (what, props, ...children) => ({ what, props, children }) };
globalThis.LineChart = "LineChart";
globalThis.Line = "Line";
globalThis.tell = tell;

const tells = given.tells.map((each) => `tell(${JSON.stringify(each)}, ${each});`).join("\n");
new AsyncFunction(`${process.argv[2]}\n${tells}`)().then(() => {
  if (!given.listens) process.exit();
});
if (given.listens) process.stdin.on("end", () => process.exit()).resume();
