// An embedded Tomcat with an echo endpoint of jakarta.websocket.
import jakarta.servlet.http.HttpServlet;
import jakarta.websocket.*;
import jakarta.websocket.server.*;
import java.util.Set;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

public class Server {
  @ServerEndpoint("/echo")
  public static class Echo {
    @OnMessage public String echo(String message) { return message; }
    @OnMessage public byte[] echo(byte[] message) { return message; }
    @OnError public void error(Throwable problem) {}
  }

  public static void main(String[] args) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(args[1]);
    tomcat.setHostname("127.0.0.1");
    tomcat.setPort(Integer.parseInt(args[0]));
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", args[1]);
    context.setIgnoreAnnotations(true); // Debian's package has no jakarta.annotation
    context.addServletContainerInitializer(new WsSci(), Set.of(Echo.class));
    Tomcat.addServlet(context, "default", new HttpServlet() {}); // filters run only where there is a servlet
    context.addServletMappingDecoded("/", "default");
    tomcat.start();
    tomcat.getServer().await();
  }
}
