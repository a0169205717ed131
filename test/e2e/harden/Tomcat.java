// An embedded Tomcat with two echoes: /chat is an endpoint of jakarta.websocket, which Tomcat's WsFilter upgrades; /servlet is
// upgraded by a servlet, as Spring does it. With the filter of docs/harden.md, if guarded.
import jakarta.servlet.*;
import jakarta.servlet.http.*;
import jakarta.websocket.*;
import jakarta.websocket.server.*;
import java.io.IOException;
import java.util.*;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.*;
import org.apache.tomcat.websocket.server.WsSci;

public class Chat {
  @ServerEndpoint("/chat")
  public static class Echo {
    @OnMessage public String echo(String message) { return message; }
    @OnMessage public byte[] echo(byte[] message) { return message; }
    @OnError public void error(Throwable problem) {}
  }

  static class Upgrades extends HttpServlet {
    @Override protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException, ServletException {
      if (!request.getMethod().equals("GET") || !"websocket".equalsIgnoreCase(request.getHeader("Upgrade"))) {
        response.sendError(400);
        return;
      }
      ServerContainer container = (ServerContainer) getServletContext().getAttribute(ServerContainer.class.getName());
      try {
        container.upgradeHttpToWebSocket(request, response, ServerEndpointConfig.Builder.create(Echo.class, "/servlet").build(), Map.of());
      } catch (DeploymentException e) {
        throw new ServletException(e);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir("@{dir}@");
    tomcat.setHostname("127.0.0.1");
    tomcat.setPort(Integer.parseInt(args[0]));
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", "@{dir}@");
    context.setIgnoreAnnotations(true); // Debian's package has no jakarta.annotation
    context.addServletContainerInitializer(new WsSci(), Set.of(Echo.class));
    Tomcat.addServlet(context, "default", new HttpServlet() {}); // filters run only where there is a servlet
    context.addServletMappingDecoded("/", "default");
    Tomcat.addServlet(context, "upgrades", new Upgrades());
    context.addServletMappingDecoded("/servlet", "upgrades");
@{if guarded}@
    FilterDef filter = new FilterDef();
    filter.setFilterName("strict");
    filter.setFilter(new StrictUpgrade());
    context.addFilterDef(filter);
    FilterMap every = new FilterMap();
    every.setFilterName("strict");
    every.addURLPattern("/*");
    context.addFilterMap(every);
@{end}@
    tomcat.start();
    tomcat.getServer().await();
  }
}

@{recipe "servlet"}@
