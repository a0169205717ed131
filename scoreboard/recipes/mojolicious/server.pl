# An echo server with Mojolicious::Lite.
use Mojolicious::Lite -signatures;

websocket '/' => sub ($c) {
  $c->on(message => sub ($c, $msg) { $c->send($msg) });
};

app->log->level('fatal');
app->start;
