# SPDX-License-Identifier: Apache-2.0
"""The stand-in Cumulocity. README.md describes what tests may use."""

from .behaviour import Behaviour, Connection, Upgrade
from .broker import Mosquitto
from .cloud import Cloud
from .operations import DeviceFailed, Operation
from .session import Session
from .ws import Closed

__all__ = ["Behaviour", "Closed", "Cloud", "Connection", "DeviceFailed", "Mosquitto", "Operation",
           "Session", "Upgrade"]
