// An echo server with Qt WebSockets.
#include <QCoreApplication>
#include <QWebSocket>
#include <QWebSocketServer>

int main(int argc, char **argv) {
  QCoreApplication app(argc, argv);
  QWebSocketServer server("echo", QWebSocketServer::NonSecureMode);
  QObject::connect(&server, &QWebSocketServer::newConnection, [&] {
    QWebSocket *socket = server.nextPendingConnection();
    QObject::connect(socket, &QWebSocket::textMessageReceived, socket, &QWebSocket::sendTextMessage);
    QObject::connect(socket, &QWebSocket::binaryMessageReceived, socket, &QWebSocket::sendBinaryMessage);
    QObject::connect(socket, &QWebSocket::disconnected, socket, &QObject::deleteLater);
  });
  if (!server.listen(QHostAddress::LocalHost, QByteArray(argv[1]).toUShort())) return 1;
  return app.exec();
}
