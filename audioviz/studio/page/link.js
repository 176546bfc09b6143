// The one WebSocket to the server: requests with replies, events, and binary events with arrays.

const listeners = new Map(); // name of an event -> functions
const waiting = new Map(); // id of a request -> [resolve, reject]
let socket = null;
let last = 0;
let patience = 250; // milliseconds before the next try

export class Refused extends Error {} // the server's one line

export function on(event, listener) {
  listeners.set(event, [...(listeners.get(event) ?? []), listener]);
}

function tell(event, message) {
  for (const listener of listeners.get(event) ?? []) listener(message);
}

/** Ask the server to do something; its reply, or Refused with its one line. */
export function ask(what, fields = {}) {
  if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Refused("not connected: waiting for the server"));
  const id = ++last;
  socket.send(JSON.stringify({ id, do: what, ...fields }));
  return new Promise((resolve, reject) => waiting.set(id, [resolve, reject]));
}

/** A binary event: length of the header, uint32; the header, JSON; arrays, each at a multiple of 4 bytes. */
function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const kinds = { f4: Float32Array, i1: Int8Array, i4: Int32Array };
  for (const { name, kind, at, count } of header.arrays) header[name] = new kinds[kind](buffer, at, count);
  return header;
}

export function connect() {
  const address = new URL("ws", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    patience = 250;
    tell("connected", true);
  };
  socket.onmessage = ({ data }) => {
    const message = typeof data === "string" ? JSON.parse(data) : unpacked(data);
    if (message.re === undefined) return tell(message.on, message);
    const [resolve, reject] = waiting.get(message.re) ?? [];
    waiting.delete(message.re);
    if (message.error) reject?.(new Refused(message.error));
    else resolve?.(message);
  };
  socket.onclose = () => {
    for (const [, reject] of waiting.values()) reject(new Refused("the connection to the server was lost"));
    waiting.clear();
    tell("connected", false);
    setTimeout(connect, patience);
    patience = Math.min(4000, 2 * patience);
  };
}
