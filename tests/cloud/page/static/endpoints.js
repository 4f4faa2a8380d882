// SPDX-License-Identifier: Apache-2.0
// Devices and their endpoints: added, edited, removed by the platform's REST, opened here.

import {$, ask, copyOf, succeeded, sync, text} from "/page/dom.js";
import {openSession} from "/page/sessions.js";

const PORTS = {SSH: 22, TELNET: 23, VNC: 5900};
const path = (device, endpoint) =>
  `/service/remoteaccess/devices/${device.id}/configurations${endpoint ? `/${endpoint.id}` : ""}`;
const asJson = (method, body) =>
  ({method, body: JSON.stringify(body), headers: {"Content-Type": "application/json"}});

export function showDevices(cloud) {
  sync($("#devices"), cloud.devices, makeDevice, (card, device) => {
    text(card, {".name": device.name, ".external-id": device.externalId});
    sync($(".endpoints", card), device.endpoints, () => makeEndpoint(device),
      (item, endpoint) => showEndpoint(cloud, device, item, endpoint));
  });
}

function makeDevice(device) {
  const card = copyOf("device");
  const details = $("details", card), summary = $("summary", card);
  details.addEventListener("toggle", () => {
    if (details.open && !$("form", details))
      details.append(makeForm(null, body => ask(path(device), asJson("POST", flat(body))), () => {
        details.open = false;
        $("form", details).remove();
        summary.focus();
      }));
  });
  return card;
}

// One endpoint; item.endpoint is how it is now.

function showEndpoint(cloud, device, item, endpoint) {
  item.endpoint = endpoint;
  text(item, {".name": endpoint.name, ".protocol": endpoint.protocol, ".login": endpoint.login,
    ".address": `${endpoint.hostname}:${endpoint.port}`,
    ".command": commandLine(cloud, device, endpoint)});
  $(".open", item).hidden = endpoint.protocol === "PASSTHROUGH";
  for (const [button, what] of [["open", "Open"], ["edit", "Edit"], ["remove", "Remove"]])
    $(`.${button}`, item).setAttribute("aria-label", `${what} ${endpoint.name}`);
}

function makeEndpoint(device) {
  const item = copyOf("endpoint");
  $(".open", item).addEventListener("click", () => openSession(device, item.endpoint));
  $(".copy", item).addEventListener("click", () => copyCommand(item));
  $(".edit", item).addEventListener("click", () => edit(device, item));
  $(".remove", item).addEventListener("click", () => remove(device, item));
  return item;
}

async function copyCommand(item) {
  const done = await navigator.clipboard.writeText($(".command", item).textContent)
    .then(() => "copied", () => "not allowed here: mark it and copy it by hand");
  text(item, {".copied": done});
  setTimeout(() => text(item, {".copied": ""}), 3000);
}

async function edit(device, item) {
  if ($("form", item)) return $("form [name=name]", item).focus();
  const answer = await ask(path(device, item.endpoint));
  if (!answer?.ok) return text(item, {".notice": "The cloud does not answer."});
  const stored = await answer.json();
  item.append(makeForm(stored, body => ask(path(device, stored), asJson("PUT", body)), () => {
    $("form", item).remove();
    $(".edit", item).focus();
  }));
  $("form [name=name]", item).focus();
}

async function remove(device, item) {
  if (!confirm(`Remove the endpoint ${item.endpoint.name}? Open sessions go on.`)) return;
  const next = $(":scope > details > summary", item.closest("article"));
  const answer = await ask(path(device, item.endpoint), {method: "DELETE"});
  if (answer?.ok) next.focus();
  else text(item, {".notice": "The cloud does not answer."});
}

/** c8ylp takes PASSTHROUGH endpoints only, as with the real platform. It asks for the password. */
function commandLine(cloud, device, endpoint) {
  const found = device.endpoints.find(one => one.protocol === "PASSTHROUGH"
    && one.hostname === endpoint.hostname && one.port === endpoint.port);
  if (!found)
    return `# c8ylp wants a PASSTHROUGH endpoint to ${endpoint.hostname}:${endpoint.port}: add one`;
  const word = value => /^[\w./:@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
  return `c8ylp server ${word(device.externalId)} --config ${word(found.name)} --port 2222 `
    + `--host ${word(cloud.host)} --tenant ${word(cloud.tenant)} --user ${word(cloud.user)} `
    + "--ignore-ssl-validate";
}

// The form, of a new endpoint or of one that is stored

function makeForm(stored, save, done) {
  const form = copyOf("endpoint-form");
  const fields = form.elements;
  const showLogin = () => $(".ssh", form).hidden = fields.protocol.value !== "SSH";
  if (stored) fill(fields, stored);
  showLogin();
  fields.protocol.addEventListener("change", () => {
    showLogin();
    fields.port.value = PORTS[fields.protocol.value] ?? fields.port.value;
  });
  $(".cancel", form).addEventListener("click", done);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    if (await succeeded(await save(configuration(form, stored)), form)) done();
  });
  return form;
}

function fill(fields, stored) {
  for (const name of ["name", "protocol", "hostname", "port"]) fields[name].value = stored[name];
  for (const name of ["username", "hostKey"]) fields[name].value = stored.credentials[name] ?? "";
  for (const name of ["password", "privateKey"])
    if (stored.credentials[name]) fields[name].placeholder = "unchanged";
}

/** As the platform wants a new one; it gives and replaces them nested. */
const flat = ({credentials: {type, ...login}, ...body}) => ({...body, credentialsType: type, ...login});

/** A secret that is not typed again stays; a new one replaces the other kind. */
function configuration(form, stored) {
  const {name, hostname, port, protocol, ...login} = Object.fromEntries(new FormData(form));
  const same = stored?.hostname === hostname && stored.port === Number(port);
  const credentials = {type: "NONE"};
  if (protocol === "SSH") {
    const fresh = login.password || login.privateKey;
    const {password, privateKey} = fresh ? login : stored?.credentials ?? login;
    Object.assign(credentials, {type: privateKey ? "KEY_PAIR" : "USER_PASS", privateKey, password,
      username: login.username});
    // Another service has another key; one that was typed is meant.
    if (same || login.hostKey !== stored?.credentials.hostKey) credentials.hostKey = login.hostKey;
  }
  return {name, hostname, port: Number(port), protocol, credentials};
}
