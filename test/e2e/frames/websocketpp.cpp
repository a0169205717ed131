// Echoes every message with websocketpp. It prints its port, and ends with its standard input.
#include <cstdio>
#include <thread>
#include <unistd.h>

#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

struct config : websocketpp::config::asio {
	struct permessage_deflate_config {};
	typedef websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config> permessage_deflate_type;
};

int main() {
	websocketpp::server<config> server;
	server.clear_access_channels(websocketpp::log::alevel::all);
	server.clear_error_channels(websocketpp::log::elevel::all);
	server.init_asio();
	server.set_message_handler([&](websocketpp::connection_hdl connection, websocketpp::server<config>::message_ptr message) {
		websocketpp::lib::error_code failed;
		server.send(connection, message->get_payload(), message->get_opcode(), failed);
	});
	server.listen(websocketpp::lib::asio::ip::tcp::endpoint(websocketpp::lib::asio::ip::address_v4::loopback(), 0));
	server.start_accept();
	websocketpp::lib::asio::error_code failed;
	std::printf("%d\n", server.get_local_endpoint(failed).port());
	std::fflush(stdout);
	std::thread([] {
		for (char c; read(0, &c, 1) > 0;)
			;
		_exit(0);
	}).detach();
	server.run();
}
