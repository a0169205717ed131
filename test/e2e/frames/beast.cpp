// Echoes every message with Boost.Beast. It prints its port, and ends with its standard input.
#include <cstdio>
#include <memory>
#include <thread>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/beast.hpp>

namespace beast = boost::beast;
using tcp = boost::asio::ip::tcp;

struct session : std::enable_shared_from_this<session> {
	beast::websocket::stream<beast::tcp_stream> socket;
	beast::flat_buffer message;

	explicit session(tcp::socket s) : socket(std::move(s)) {
		beast::websocket::permessage_deflate deflate;
		deflate.server_enable = true;
		socket.set_option(deflate);
		socket.set_option(beast::websocket::stream_base::timeout::suggested(beast::role_type::server));
	}
	void accept() {
		socket.async_accept([self = shared_from_this()](beast::error_code failed) {
			if (!failed)
				self->read();
		});
	}
	void read() {
		socket.async_read(message, [self = shared_from_this()](beast::error_code failed, std::size_t) {
			if (!failed)
				self->write();
		});
	}
	void write() {
		socket.text(socket.got_text());
		socket.async_write(message.data(), [self = shared_from_this()](beast::error_code failed, std::size_t) {
			self->message.consume(self->message.size());
			if (!failed)
				self->read();
		});
	}
};

static void accept(tcp::acceptor &listener) {
	listener.async_accept([&](beast::error_code failed, tcp::socket s) {
		if (!failed)
			std::make_shared<session>(std::move(s))->accept();
		accept(listener);
	});
}

int main() {
	boost::asio::io_context context;
	tcp::acceptor listener(context, {boost::asio::ip::address_v4::loopback(), 0});
	accept(listener);
	std::printf("%d\n", listener.local_endpoint().port());
	std::fflush(stdout);
	std::thread([] {
		for (char c; read(0, &c, 1) > 0;)
			;
		_exit(0);
	}).detach();
	context.run();
}
