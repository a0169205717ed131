%% An echo callback of Yaws.
-module(echo).
-export([handle_message/1, out/1, start/1]).

start([Config]) ->
    ok = application:load(yaws),
    application:set_env(yaws, conf, atom_to_list(Config)),
    yaws:start().

out(_Arg) -> {websocket, echo, []}.

handle_message({text, Message}) -> {reply, {text, Message}};
handle_message({binary, Message}) -> {reply, {binary, Message}};
handle_message(_) -> noreply.
