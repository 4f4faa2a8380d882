// SPDX-License-Identifier: Apache-2.0
// The operator's page: logs in, shows the cloud's live state, opens sessions. It asks the
// platform's REST, and the events and sessions of server.py; nothing from any other place.

const $ = (selector, within = document) => within.querySelector(selector);
const copyOf = name => $(`template#${name}`).content.firstElementChild.cloneNode(true);
let cloud;  // the newest snapshot

// Login: the platform's cookies, and its token against requests that a foreign page makes.

const xsrf = () => document.cookie.match(/(?:^|; )XSRF-TOKEN=([^;]*)/)?.[1] ?? "";
const ask = (path, options = {}) =>
  fetch(path, {...options, headers: {...options.headers, "X-XSRF-TOKEN": xsrf()}});

function showLogin(loggedOut) {
  $("#login").hidden = !loggedOut;
  $("#cloud").hidden = loggedOut;
  if (loggedOut) $("#login [name=username]").focus();
}

$("#login").addEventListener("submit", async event => {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams([...new FormData(form), ["grant_type", "PASSWORD"]]);
  const answer = await fetch("/tenant/oauth", {method: "POST", body});
  $(".problem", form).textContent = answer.ok ? "" : (await answer.json()).message;
  if (answer.ok) {
    form.reset();
    follow();
  }
});

// Live state: the server sends the whole snapshot after each change.

async function follow() {
  const live = $("#live");
  live.textContent = "connecting";
  const user = await ask("/user/currentUser").catch(() => null);
  if (user?.status === 401) {
    live.textContent = "";
    return showLogin(true);
  }
  showLogin(false);
  const events = new EventSource(`/events?XSRF-TOKEN=${encodeURIComponent(xsrf())}`);
  events.onmessage = event => {
    live.textContent = "live";
    live.className = "on";
    cloud = JSON.parse(event.data);
    show();
  };
  events.onerror = () => {
    live.textContent = "not connected, trying again";
    live.className = "";
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 1000);
  };
}

function show() {
  sync($("#devices"), cloud.devices, makeDevice, showDevice);
  sync($("#operations"), cloud.operations, () => copyOf("operation"), showOperation);
}

/** One child for each item, in order; those that exist stay, with what is typed into them. */
function sync(container, items, make, update) {
  const old = new Map([...container.children].map(child => [child.dataset.id, child]));
  items.forEach((item, index) => {
    const child = old.get(item.id) ?? make(item);
    child.dataset.id = item.id;
    old.delete(item.id);
    if (container.children[index] !== child)
      container.insertBefore(child, container.children[index] ?? null);
    update(child, item);
  });
  old.forEach(child => child.remove());
}

/** Only what is different, so that screen readers speak of changes only. */
function text(within, texts) {
  for (const [selector, value] of Object.entries(texts)) {
    const element = $(selector, within);
    if (element.textContent !== value) element.textContent = value;
  }
}

// Devices and endpoints

function makeDevice(device) {
  const card = copyOf("device");
  const form = $("form", card);
  form.addEventListener("submit", event => addEndpoint(event, device, form));
  form.protocol.addEventListener("change", () => {
    $(".ssh", form).hidden = form.protocol.value !== "SSH";
    form.port.value = {SSH: 22, TELNET: 23, VNC: 5900}[form.protocol.value] ?? form.port.value;
  });
  return card;
}

function showDevice(card, device) {
  text(card, {".name": device.name, ".external-id": device.externalId});
  sync($(".endpoints", card), device.endpoints, endpoint => makeEndpoint(device, endpoint),
    (item, endpoint) => {
      text(item, {".name": endpoint.name, ".protocol": endpoint.protocol, ".login": endpoint.login,
        ".address": `${endpoint.hostname}:${endpoint.port}`,
        ".command": commandLine(device, endpoint)});
      $(".open", item).hidden = endpoint.protocol === "PASSTHROUGH";
    });
}

function makeEndpoint(device, endpoint) {
  const item = copyOf("endpoint");
  $(".open", item).addEventListener("click", () => openSession(device, endpoint));
  $(".open", item).setAttribute("aria-label", `Open ${endpoint.name}`);
  $(".copy", item).addEventListener("click", async () => {
    await navigator.clipboard.writeText($(".command", item).textContent);
    $(".copied", item).textContent = "copied";
  });
  return item;
}

/** c8ylp takes PASSTHROUGH endpoints only, as with the real platform. It asks for the password. */
function commandLine(device, endpoint) {
  const found = device.endpoints.find(one => one.protocol === "PASSTHROUGH"
    && one.hostname === endpoint.hostname && one.port === endpoint.port);
  if (!found)
    return `# c8ylp wants a PASSTHROUGH endpoint to ${endpoint.hostname}:${endpoint.port}: add one`;
  const word = value => /^[\w./:@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
  return `c8ylp server ${word(device.externalId)} --config ${word(found.name)} --port 2222 `
    + `--host ${word(cloud.host)} --tenant ${word(cloud.tenant)} --user ${word(cloud.user)} `
    + "--ignore-ssl-validate";
}

async function addEndpoint(event, device, form) {
  event.preventDefault();
  const {port, ...body} = Object.fromEntries(new FormData(form));
  const ssh = body.protocol === "SSH";
  body.port = Number(port);
  body.credentialsType = !ssh ? "NONE" : body.privateKey ? "KEY_PAIR" : "USER_PASS";
  if (!ssh) body.username = body.password = body.privateKey = null;
  const answer = await ask(`/service/remoteaccess/devices/${device.id}/configurations`,
    {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"}});
  $(".problem", form).textContent = answer.ok ? "" : (await answer.json()).message;
  if (!answer.ok) return;
  form.reset();
  $(".ssh", form).hidden = false;
  form.closest("details").open = false;
}

// Operations

function showOperation(item, operation) {
  const created = new Date(operation.created);
  const steps = operation.steps.map((step, index) => index === 0
    ? `${step.status} ${created.toLocaleTimeString()}` : `${step.status} +${step.after} ms`);
  text(item, {".target": operation.target, ".device": operation.device, ".id": operation.id,
    ".status": operation.status, ".steps": steps.join(" → "), ".session": operation.session,
    ".reason": operation.steps.at(-1).reason});
  $(".status", item).className = `badge status ${operation.status}`;
}

// Sessions

async function openSession(device, endpoint) {
  const panel = copyOf("session");
  const screen = $(".screen", panel), button = $(".end", panel);
  const state = value => text(panel, {".state": value});
  text(panel, {".name": `${endpoint.name} on ${device.name}`});
  $("#sessions").prepend(panel);
  state("asking the device");
  screen.addEventListener("keydown", event => {
    if (event.key !== "F6") return;
    event.stopPropagation();
    event.preventDefault();
    button.focus();
  }, true);
  const view = await (endpoint.protocol === "VNC" ? viewer(panel, screen) : terminal(screen));
  const query = new URLSearchParams({...view.size?.(), "XSRF-TOKEN": xsrf()});
  const path = `/session/${device.id}/${endpoint.id}?${query}`;
  const socket = new WebSocket(`ws://${location.host}${path}`);
  socket.binaryType = "arraybuffer";
  let why = "";  // it ended, if we know better than the cloud
  socket.addEventListener("message", ({data}) => {
    if (typeof data !== "string") return view.receive?.(data);
    const said = JSON.parse(data);
    if (said.operation) state(`operation ${said.operation}: waiting for the device`);
    if (said.state === "open") {
      state("open");
      view.attach(socket, reason => why = reason);
      panel.scrollIntoView({block: "nearest"});
    }
    if (said.state === "failed") {
      panel.classList.add("failed");
      state(`failed: ${said.reason}`);
    }
  });
  socket.addEventListener("close", event => {
    if (!panel.classList.contains("failed"))
      state(`ended: ${why || event.reason || "the connection to the cloud is gone"}`);
    button.textContent = "Remove";
  });
  button.addEventListener("click", () => {
    if (socket.readyState > WebSocket.OPEN) return panel.remove();
    why = "closed by you";
    socket.close(1000);
  });
}

async function terminal(screen) {
  const {Terminal, fit} = await import("/page/xterm.js");
  const shown = new Terminal({rendererType: "dom", screenReaderMode: true, fontSize: 14,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", monospace', theme: {background: "#000"}});
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  shown.open(screen);
  fit(shown);
  return {
    size: () => ({columns: shown.cols, rows: shown.rows}),
    receive: data => shown.write(decoder.decode(data, {stream: true})),
    attach(socket) {
      shown.on("data", typed => socket.send(encoder.encode(typed)));
      shown.on("resize", ({cols, rows}) => socket.send(JSON.stringify({size: [cols, rows]})));
      new ResizeObserver(() => fit(shown)).observe(screen);
      shown.focus();
    },
  };
}

async function viewer(panel, screen) {
  const {default: RFB} = await import("/page/novnc/core/rfb.js");
  const form = $(".password", panel);
  return {
    attach(socket, ended) {  // from here on the binary frames are noVNC's
      const shown = new RFB(screen, socket);
      shown.scaleViewport = true;
      shown.addEventListener("connect", () => shown.focus());
      shown.addEventListener("securityfailure", ({detail}) =>
        ended(`the VNC server refused: ${detail.reason ?? "no reason given"}`));
      shown.addEventListener("credentialsrequired", () => {
        form.hidden = false;
        form.password.focus();
      });
      form.addEventListener("submit", event => {
        event.preventDefault();
        form.hidden = true;
        shown.sendCredentials({password: form.password.value});
        form.reset();
      });
    },
  };
}

follow();
