// Echoes every message with libwebsockets, without compression, once all of it is there. It prints its port, and ends with its standard input.
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A part of a message, as it came: the library hands them over as it reads them.
struct part {
	struct part *next;
	size_t size;
	int flags, final;
	unsigned char bytes[]; // with room for a head before them
};

struct session {
	struct part *first, **last;
	int whole; // messages of which all parts are there
};

static void receive(struct lws *wsi, struct session *s, void *in, size_t size) {
	struct part *p = malloc(sizeof *p + LWS_PRE + size);
	if (!p)
		abort();
	p->next = NULL;
	p->size = size;
	p->final = lws_is_final_fragment(wsi);
	p->flags = lws_write_ws_flags(lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT,
		lws_is_first_fragment(wsi), p->final);
	memcpy(p->bytes + LWS_PRE, in, size);
	*s->last = p;
	s->last = &p->next;
	if (p->final) {
		s->whole++;
		lws_callback_on_writable(wsi);
	}
}

static int echo(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
	struct session *s = user;
	struct part *p;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		s->first = NULL;
		s->last = &s->first;
		s->whole = 0;
		break;
	case LWS_CALLBACK_RECEIVE:
		receive(wsi, s, in, size);
		break;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		if (!s->whole)
			break;
		p = s->first;
		if (lws_write(wsi, p->bytes + LWS_PRE, p->size, p->flags) < (int)p->size)
			return -1;
		if (!(s->first = p->next))
			s->last = &s->first;
		s->whole -= p->final;
		if (s->whole)
			lws_callback_on_writable(wsi);
		free(p);
		break;
	case LWS_CALLBACK_CLOSED:
		while ((p = s->first)) {
			s->first = p->next;
			free(p);
		}
		break;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, size);
	}
	return 0;
}

static void *end(void *unused) {
	char c;
	while (read(0, &c, 1) > 0)
		;
	_exit(0);
}

int main(void) {
	static const struct lws_protocols protocols[] = {{"chat", echo, sizeof(struct session), 65536}, {0}};
	struct lws_context_creation_info info = {.port = 0, .iface = "127.0.0.1", .protocols = protocols};
	info.options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	lws_set_log_level(0, NULL);
	struct lws_context *context = lws_create_context(&info);
	struct lws_vhost *host = context ? lws_create_vhost(context, &info) : NULL;
	if (!host)
		return 1;
	printf("%d\n", lws_get_vhost_listen_port(host));
	fflush(stdout);
	pthread_t watcher;
	if (pthread_create(&watcher, NULL, end, NULL))
		return 1;
	while (lws_service(context, 0) >= 0)
		;
	return 1;
}
