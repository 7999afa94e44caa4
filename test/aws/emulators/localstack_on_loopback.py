"""Starts LocalStack on 127.0.0.1 only: its own server reads the port of GATEWAY_LISTEN, not the host, and listens on every
interface of the machine."""

import functools
import runpy

from twisted.internet import endpoints

endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
runpy.run_module("localstack.runtime.main", run_name="__main__")
