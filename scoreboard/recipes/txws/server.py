"""An echo server with txWS, for Twisted."""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from txws import WebSocketFactory


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


reactor.listenTCP(int(sys.argv[1]), WebSocketFactory(Factory.forProtocol(Echo)), interface="127.0.0.1")
reactor.run()
