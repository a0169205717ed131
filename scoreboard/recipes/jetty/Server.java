// An embedded Jetty whose servlet echoes.
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.*;
import org.eclipse.jetty.websocket.api.*;
import org.eclipse.jetty.websocket.servlet.*;

public class EchoServer {
  public static class Echo extends WebSocketAdapter {
    @Override public void onWebSocketText(String message) { getRemote().sendStringByFuture(message); }
  }

  public static class Echoes extends WebSocketServlet {
    @Override public void configure(WebSocketServletFactory factory) { factory.register(Echo.class); }
  }

  public static void main(String[] args) throws Exception {
    Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(Echoes.class, "/");
    server.setHandler(context);
    server.start();
  }
}
