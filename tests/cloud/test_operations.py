# SPDX-License-Identifier: Apache-2.0
"""The status machine, SmartREST quoting, and the REST surface. No device, no broker."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from cloud import Cloud, smartrest
from cloud.devices import Device
from cloud.operations import Operations

pytestmark = pytest.mark.timeout(20)
NAME = "c8y_RemoteAccessConnect"


def make(count: int) -> tuple[Operations, Device, list[str]]:
    violations: list[str] = []
    operations, device = Operations(violations), Device("c8y", "device-1", "1", "device-1")
    for number in range(count):
        operations.create(device, "host", 22 + number)
    return operations, device, violations


def test_names_move_the_oldest_operation() -> None:
    operations, device, violations = make(3)
    first, second, third = operations.all
    for payload in (f"501,{NAME}", f"501,{NAME}", f"503,{NAME}", f'502,{NAME},"no, \\"never\\""'):
        operations.handle(device, payload)
    assert first.statuses == ["PENDING", "EXECUTING", "SUCCESSFUL"]
    assert (second.status, second.reason) == ("FAILED", 'no, "never"')
    assert third.status == "PENDING" and violations == []


def test_ids_move_that_operation_only() -> None:
    operations, device, violations = make(2)
    first, second = operations.all
    operations.handle(device, f"504,{second.id}\n506,{second.id}")
    operations.handle(device, f"504,{first.id}\n505,{first.id},gone")
    assert (second.status, first.status, first.reason) == ("SUCCESSFUL", "FAILED", "gone")
    assert violations == []


@pytest.mark.parametrize("before, payload", [
    ("", f"503,{NAME}"), ("", f"502,{NAME},x"), (f"501,{NAME}", f"501,{NAME}"),
    ("", "506,{id}"), ("504,{id}\n506,{id}", "505,{id},late"), ("504,{id}", "504,{id}"),
    ("", "504,777"), ("", '502,"open'), ("", "501,c8y_Restart")])
def test_what_must_not_be_sent_is_a_violation(before: str, payload: str) -> None:
    operations, device, violations = make(1)
    operations.handle(device, before.format(id=operations.all[0].id))
    assert violations == []
    operations.handle(device, payload.format(id=operations.all[0].id))
    assert len(violations) == 1


def test_507_fails_what_executes_and_500_asks_for_what_is_pending() -> None:
    operations, device, violations = make(2)
    operations.handle(device, f"501,{NAME}")
    assert not operations.handle(device, f"507,{NAME},restarted")
    assert [one.status for one in operations.all] == ["FAILED", "PENDING"]
    assert operations.handle(device, "500")
    assert operations.pending(device) == [operations.all[1]]


@pytest.mark.parametrize("text, records", [
    ("501,a", [["501", "a"]]), ("501,a\n503,a\n", [["501", "a"], ["503", "a"]]),
    ('502,a,"x\ny, ""z"""', [["502", "a", 'x\ny, "z"']]),
    ('502,a,"\\"q\\""', [["502", "a", '"q"']]),
    ("a,,b\r\n", [["a", "", "b"]]), ("", [])])
def test_smartrest_reads_both_quotings(text: str, records: list[list[str]]) -> None:
    assert smartrest.parse(text) == records


def test_smartrest_quotes_as_the_platform_does() -> None:
    fields = ["530", "dev,1", 'h"x', " y", "k"]
    assert smartrest.format_record(fields) == '530,"dev,1","h\\"x"," y",k'
    assert smartrest.parse(smartrest.format_record(fields)) == [fields]


def test_rest_serves_configurations_and_operations(tmp_path: Path) -> None:
    with Cloud(tmp_path) as cloud:
        context = ssl.create_default_context(cafile=str(cloud.ca_file))

        def call(method: str, path: str, body: Any = None, *, login: bool = True) -> Any:
            request = urllib.request.Request(cloud.url + path, method=method)
            if login:
                token = cloud.hub.tokens.issue(cloud.user, 60, fresh=False)
                request.add_header("Authorization", f"Bearer {token}")
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(request, data, timeout=5, context=context) as answer:
                text = answer.read()
                return json.loads(text) if text else None

        path = f"/service/remoteaccess/devices/{cloud.device.id}/configurations"
        made = call("POST", path, {"name": "ssh", "hostname": "localhost", "port": 22,
                                   "protocol": "PASSTHROUGH", "credentialsType": "NONE"})
        assert made["credentials"]["type"] == "NONE" and made["id"] == "1"
        call("PUT", f"{path}/1", made | {"port": 2222})
        assert [one["port"] for one in call("GET", path)] == [2222]
        device = call("GET", f"/inventory/managedObjects/{cloud.device.id}")
        assert device["c8y_RemoteAccessList"][0]["name"] == "ssh"
        call("DELETE", f"{path}/1")
        assert call("GET", path) == []

        operation = cloud.create_operation("localhost", 22, delivery=None)
        pending = f"/devicecontrol/operations?deviceId={cloud.device.id}&status=PENDING"
        assert [one["id"] for one in call("GET", pending)["operations"]] == [operation.id]
        call("PUT", f"/devicecontrol/operations/{operation.id}", {"status": "EXECUTING"})
        assert call("GET", pending)["operations"] == [] and operation.status == "EXECUTING"
        for target, status, login in ((path, 401, False), (path + "/9", 404, True)):
            with pytest.raises(urllib.error.HTTPError) as caught:
                call("GET", target, login=login)
            assert caught.value.code == status
