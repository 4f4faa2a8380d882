# SPDX-License-Identifier: Apache-2.0
"""The REST surface for c8ylp and c8y: login, identity, inventory, operations, configurations."""

from __future__ import annotations

import re
from typing import Any, Awaitable, Callable

from aiohttp import web

from .devices import Device
from .hub import Hub

ROLES = ("ROLE_REMOTE_ACCESS_ADMIN", "ROLE_DEVICE_CONTROL_ADMIN", "ROLE_INVENTORY_READ",
         "ROLE_IDENTITY_READ")
OPEN_PATHS = ("/tenant/loginOptions", "/tenant/oauth", "/tenant/oauth/token")
CONFIGURATIONS = "/service/remoteaccess/devices/{device}/configurations"
USER = web.RequestKey("user", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _error(status: int, error: str, message: str) -> web.Response:
    headers = {"WWW-Authenticate": 'Basic realm="Cumulocity"'} if status == 401 else {}
    body = {"error": error, "message": message, "info": "https://cumulocity.com/guides"}
    return web.json_response(body, status=status, headers=headers)


def _bad_credentials() -> web.Response:
    return _error(401, "security/Unauthorized", "Invalid credentials! : Bad credentials")


class Rest:
    """`public`: more paths that need no login."""

    def __init__(self, hub: Hub, public: Callable[[str], bool] = lambda path: False) -> None:
        self._hub, self._public = hub, public
        self.app = web.Application(middlewares=[self._guard], client_max_size=1024 * 1024)
        self.app.router.add_routes([
            web.get("/tenant/loginOptions", self._login_options),
            web.post("/tenant/oauth", self._oauth),
            web.post("/tenant/oauth/token", self._oauth_token),
            web.get("/tenant/currentTenant", self._current_tenant),
            web.get("/user/currentUser", self._current_user),
            web.get("/identity/externalIds/{type}/{id}", self._identity),
            web.get("/inventory/managedObjects", self._inventory_query),
            web.get("/inventory/managedObjects/{device}", self._managed_object),
            web.get("/devicecontrol/operations", self._list_operations),
            web.get("/devicecontrol/operations/{id}", self._operation),
            web.put("/devicecontrol/operations/{id}", self._put_operation),
            web.get(CONFIGURATIONS, self._list_configurations),
            web.post(CONFIGURATIONS, self._post_configuration),
            web.get(CONFIGURATIONS + "/{id}", self._get_configuration),
            web.put(CONFIGURATIONS + "/{id}", self._put_configuration),
            web.delete(CONFIGURATIONS + "/{id}", self._delete_configuration),
        ])

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN_PATHS and not self._public(request.path):
            user = self._hub.gate.user(
                request.headers.get("Authorization", ""), dict(request.cookies),
                request.headers.get("X-XSRF-TOKEN", ""), dict(request.query))
            if user is None:
                return _bad_credentials()
            request[USER] = user
        try:
            answer = await handler(request)
            if request.method != "GET":
                self._hub.changed()
            return answer
        except web.HTTPException as answer:
            return _error(answer.status, "general/notFound", answer.reason)
        except (ValueError, KeyError, TypeError) as error:
            return _error(422, "general/validation", f"{type(error).__name__}: {error}")

    # Login --------------------------------------------------------------------------------------

    async def _login_options(self, request: web.Request) -> web.Response:
        url, tenant = self._hub.url, self._hub.tenant
        option = {"id": "1", "self": f"{url}/tenant/loginOptions/1", "type": "OAUTH2_INTERNAL",
                  "initRequest": f"{url}/tenant/oauth?tenant_id={tenant}", "grantType": "PASSWORD",
                  "userManagementSource": "INTERNAL", "visibleOnLoginPage": True}
        return web.json_response({"self": f"{url}/tenant/loginOptions", "loginOptions": [option]})

    async def _login(self, request: web.Request) -> str | None:
        form = await request.post()
        user, password = str(form.get("username", "")), str(form.get("password", ""))
        if not self._hub.gate.password_is(user, password):
            return None
        return self._hub.tokens.issue(user, 14 * 86400, fresh=True)

    async def _oauth(self, request: web.Request) -> web.Response:
        token = await self._login(request)
        if token is None:
            return _bad_credentials()
        answer = web.Response()
        for name, value in (("authorization", token), ("XSRF-TOKEN", self._hub.tokens.xsrf(token))):
            answer.set_cookie(name, value, path="/", secure=request.secure, samesite="Strict",
                              httponly=name == "authorization")
        return answer

    async def _oauth_token(self, request: web.Request) -> web.Response:
        token = await self._login(request)
        if token is None:
            return _bad_credentials()
        return web.json_response({"access_token": token})

    async def _current_tenant(self, request: web.Request) -> web.Response:
        return web.json_response({"name": self._hub.tenant, "domainName": request.host,
                                  "allowCreateTenants": False, "customProperties": {}})

    async def _current_user(self, request: web.Request) -> web.Response:
        user = request[USER].removeprefix(f"{self._hub.tenant}/")
        roles = [{"id": role, "name": role} for role in ROLES]
        return web.json_response({"id": user, "userName": user, "effectiveRoles": roles})

    # Identity and inventory ---------------------------------------------------------------------

    def _device(self, request: web.Request) -> Device:
        device = self._hub.device_by_id(request.match_info["device"])
        if device is None:
            raise web.HTTPNotFound(reason="Finding device data from database failed")
        return device

    async def _identity(self, request: web.Request) -> web.Response:
        external_id, kind = request.match_info["id"], request.match_info["type"]
        device = self._hub.device_by_external_id(external_id)
        if device is None or kind != "c8y_Serial":
            raise web.HTTPNotFound(reason=f"External id not found; external id = {external_id}")
        url = self._hub.url
        managed = {"id": device.id, "self": f"{url}/inventory/managedObjects/{device.id}"}
        return web.json_response({"externalId": external_id, "type": kind, "managedObject": managed,
                                  "self": f"{url}{request.path}"})

    async def _managed_object(self, request: web.Request) -> web.Response:
        return web.json_response(self._device(request).managed_object(self._hub.url))

    async def _inventory_query(self, request: web.Request) -> web.Response:
        wanted = re.search(r"name eq '([^']*)'", request.query.get("query", ""))
        found = [device.managed_object(self._hub.url) for device in self._hub.devices
                 if wanted is None or wanted[1] in (device.name, "*")]
        statistics = {"pageSize": max(5, len(found)), "currentPage": 1}
        return web.json_response({"managedObjects": found, "statistics": statistics,
                                  "self": f"{self._hub.url}{request.path_qs}"})

    # Operations ---------------------------------------------------------------------------------

    async def _list_operations(self, request: web.Request) -> web.Response:
        device_id, status = request.query.get("deviceId"), request.query.get("status")
        found = [one.as_dict() for one in self._hub.operations.all
                 if device_id in (None, one.device.id) and status in (None, one.status)]
        return web.json_response({"operations": found, "self": f"{self._hub.url}{request.path_qs}"})

    async def _operation(self, request: web.Request) -> web.Response:
        operation = self._hub.operations.by_id(request.match_info["id"])
        if operation is None:
            raise web.HTTPNotFound(reason="Finding operation from database failed")
        return web.json_response(operation.as_dict())

    async def _put_operation(self, request: web.Request) -> web.Response:
        operation = self._hub.operations.by_id(request.match_info["id"])
        body: dict[str, Any] = await request.json()
        if operation is None:
            raise web.HTTPNotFound(reason="Finding operation from database failed")
        if body["status"] not in ("PENDING", "EXECUTING", "SUCCESSFUL", "FAILED"):
            raise ValueError(f"status {body['status']}")
        operation.move(body["status"], body.get("failureReason", ""))
        return web.json_response(operation.as_dict())

    # Configurations -----------------------------------------------------------------------------

    async def _list_configurations(self, request: web.Request) -> web.Response:
        return web.json_response(self._device(request).configurations)

    async def _post_configuration(self, request: web.Request) -> web.Response:
        stored = self._device(request).add_configuration(await request.json())
        return web.json_response(stored, status=201)

    async def _get_configuration(self, request: web.Request) -> web.Response:
        return self._found(self._device(request).configuration(request.match_info["id"]))

    async def _put_configuration(self, request: web.Request) -> web.Response:
        body = await request.json()
        return self._found(
            self._device(request).replace_configuration(request.match_info["id"], body))

    async def _delete_configuration(self, request: web.Request) -> web.Response:
        device = self._device(request)
        stored = device.configuration(request.match_info["id"])
        if stored is None:
            return self._found(None)
        device.configurations.remove(stored)
        return web.Response(status=204)

    def _found(self, configuration: dict[str, Any] | None) -> web.Response:
        if configuration is None:
            raise web.HTTPNotFound(reason="No such configuration")
        return web.json_response(configuration)
