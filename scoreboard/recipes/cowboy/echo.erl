%% An echo handler of Cowboy.
-module(echo).
-export([init/2, start/1, websocket_handle/2, websocket_info/2]).

start([Port]) ->
    {ok, _} = application:ensure_all_started(cowboy),
    Dispatch = cowboy_router:compile([{'_', [{"/", echo, []}]}]),
    {ok, _} = cowboy:start_clear(http, [{ip, {127, 0, 0, 1}}, {port, list_to_integer(atom_to_list(Port))}], #{env => #{dispatch => Dispatch}}).

init(Req, State) -> {cowboy_websocket, Req, State}.

websocket_handle({text, _} = Frame, State) -> {reply, Frame, State};
websocket_handle({binary, _} = Frame, State) -> {reply, Frame, State};
websocket_handle(_, State) -> {ok, State}.

websocket_info(_, State) -> {ok, State}.
