# SPDX-License-Identifier: Apache-2.0
"""The operator's web page: devices, endpoints, operations, and sessions in the browser."""

from .server import Page

__all__ = ["Page"]
