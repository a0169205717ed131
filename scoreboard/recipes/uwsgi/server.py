"""An echo application of uWSGI."""

import uwsgi


def application(env, start_response):
    uwsgi.websocket_handshake()
    while True:
        uwsgi.websocket_send(uwsgi.websocket_recv())
