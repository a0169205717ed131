% An echo server with the websocket library of SWI-Prolog.
:- use_module(library(http/thread_httpd)).
:- use_module(library(http/http_dispatch)).
:- use_module(library(http/websocket)).
:- initialization(main, main).

:- http_handler(root(.), http_upgrade_to_websocket(echo, []), [spawn([])]).

echo(WebSocket) :-
    ws_receive(WebSocket, Message),
    (   Message.opcode == close
    ->  true
    ;   ws_send(WebSocket, Message),
        echo(WebSocket)
    ).

main([Port]) :-
    atom_number(Port, Number),
    http_server(http_dispatch, [port(localhost:Number), workers(16)]),
    thread_get_message(quit).
