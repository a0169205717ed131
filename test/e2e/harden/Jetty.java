// An embedded Jetty whose WebSocketServlet echoes. With the filter of docs/harden.md, if guarded.
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.*;
import javax.servlet.*;
import javax.servlet.http.*;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.*;
import org.eclipse.jetty.websocket.api.*;
import org.eclipse.jetty.websocket.servlet.*;

public class Chat {
  public static class Echo extends WebSocketAdapter {
    @Override public void onWebSocketText(String message) { getRemote().sendStringByFuture(message); }
  }

  public static class Echoes extends WebSocketServlet {
    @Override public void configure(WebSocketServletFactory factory) { factory.register(Echo.class); }
  }

  public static void main(String[] args) throws Exception {
    Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(Echoes.class, "/chat");
@{if guarded}@
    context.addFilter(StrictUpgrade.class, "/*", EnumSet.of(DispatcherType.REQUEST));
@{end}@
    server.setHandler(context);
    server.start();
  }
}

@{recipe "servlet"}@
