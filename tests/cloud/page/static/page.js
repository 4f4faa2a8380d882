// SPDX-License-Identifier: Apache-2.0
// The operator's page: logs in, shows the cloud's live state, opens sessions. It asks the
// platform's REST, and the events and sessions of server.py; nothing from any other place.

import {$, ask, copyOf, succeeded, sync, text, xsrf} from "/page/dom.js";
import {showDevices} from "/page/endpoints.js";

// Login: by the platform's cookies.

function showLogin(loggedOut) {
  $("#login").hidden = !loggedOut;
  $("#cloud").hidden = loggedOut;
  if (loggedOut) $("#login [name=username]").focus();
}

$("#login").addEventListener("submit", async event => {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams([...new FormData(form), ["grant_type", "PASSWORD"]]);
  if (await succeeded(await ask("/tenant/oauth", {method: "POST", body}), form)) {
    form.reset();
    follow();
  }
});

// Live state: the server sends the whole snapshot after each change.

async function follow() {
  const live = $("#live");
  live.textContent = "connecting";
  const user = await ask("/user/currentUser");
  if (user?.status === 401) {
    live.textContent = "";
    return showLogin(true);
  }
  showLogin(false);
  const events = new EventSource(`/events?XSRF-TOKEN=${encodeURIComponent(xsrf())}`);
  events.onmessage = event => {
    live.textContent = "live";
    live.className = "on";
    show(JSON.parse(event.data));
  };
  events.onerror = () => {
    live.textContent = "not connected, trying again";
    live.className = "";
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 1000);
  };
}

function show(cloud) {
  showDevices(cloud);
  sync($("#operations"), cloud.operations, () => copyOf("operation"), showOperation);
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

follow();
