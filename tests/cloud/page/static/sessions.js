// SPDX-License-Identifier: Apache-2.0
// Sessions in the browser: SSH and Telnet in a terminal, VNC in a viewer.

import {$, copyOf, text, xsrf} from "/page/dom.js";

export async function openSession(device, endpoint) {
  const panel = copyOf("session");
  const screen = $(".screen", panel);
  const vnc = endpoint.protocol === "VNC";
  text(panel, {".name": `${endpoint.name} on ${device.name}`, ".state": "asking the device"});
  $(".clipboard", panel).hidden = vnc;
  $("#sessions").prepend(panel);
  panel.scrollIntoView({block: "nearest"});
  $(".large", panel).addEventListener("click", () => enlarge(screen));
  leaveByF6(screen, $(".end", panel));
  const view = await (vnc ? viewer(panel, screen) : terminal(screen));
  const query = new URLSearchParams({...view.size?.(), "XSRF-TOKEN": xsrf()});
  const url = `ws://${location.host}/session/${device.id}/${endpoint.id}?${query}`;
  connect(panel, view, new WebSocket(url), () => openSession(device, endpoint));
}

async function enlarge(screen) {
  await screen.requestFullscreen();
  navigator.keyboard?.lock(["Escape"]);  // the device's; a long press still leaves
  $("textarea, canvas", screen)?.focus();
}

/** Tab belongs to whoever is behind the screen. */
function leaveByF6(screen, button) {
  screen.addEventListener("keydown", async event => {
    if (event.key !== "F6") return;
    event.stopPropagation();
    event.preventDefault();
    if (document.fullscreenElement) await document.exitFullscreen();
    button.focus();
  }, true);
}

function connect(panel, view, socket, again) {
  const state = value => text(panel, {".state": value});
  let stood = false, reason = "";
  let why = "";  // it ended, if we know better than the cloud
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({data}) => {
    if (typeof data !== "string") return view.receive?.(data);
    const said = JSON.parse(data);
    if (said.operation) state(`operation ${said.operation}: waiting for the device`);
    if (said.state === "open") {
      stood = true;
      state("open");
      view.attach(socket, cause => why = cause);
      panel.scrollIntoView({block: "nearest"});
    }
    if (said.state === "failed") {
      reason = said.reason;
      state(`failed: ${reason}`);
    }
  });
  socket.addEventListener("close", event => {
    const refused = "the cloud did not open it: is it there, and has it this endpoint?";
    if (!reason)
      state(`ended: ${why || event.reason || (stood ? "the connection to the cloud is gone" : refused)}`);
    if (panel.contains(document.fullscreenElement)) document.exitFullscreen();
    panel.classList.add("over");
    panel.classList.toggle("unopened", !stood);
    panel.classList.toggle("failed", !stood && !why);
    $(".end", panel).textContent = "Remove";
    $(".again", panel).hidden = false;
  });
  $(".end", panel).addEventListener("click", () => {
    if (panel.classList.contains("over")) return remove(panel);
    why = "closed by you";
    socket.close(1000);
  });
  $(".again", panel).addEventListener("click", () => {
    panel.remove();
    again();
  });
}

function remove(panel) {
  panel.remove();
  $("#sessions-title").focus();
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
      const tell = what => socket.readyState === WebSocket.OPEN && socket.send(what);
      shown.on("data", typed => tell(encoder.encode(typed)));
      shown.on("resize", ({cols, rows}) => tell(JSON.stringify({size: [cols, rows]})));
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
