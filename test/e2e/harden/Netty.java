// Netty's own way: its handler takes the handshake. Guarded, as docs/harden.md shows.
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.*;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.*;
import io.netty.handler.codec.http.websocketx.*;
import io.netty.util.ReferenceCountUtil;
import java.util.List;

public class Chat {
  static class Echo extends SimpleChannelInboundHandler<Object> {
    @Override protected void channelRead0(ChannelHandlerContext ctx, Object msg) {
      if (msg instanceof WebSocketFrame frame) {
        ctx.writeAndFlush(frame.retain());
      } else {
        var answer = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.NOT_FOUND);
        answer.headers().set("Content-Length", 0);
        ctx.writeAndFlush(answer);
      }
    }
    @Override public void exceptionCaught(ChannelHandlerContext ctx, Throwable problem) { ctx.close(); }
  }

  public static void main(String[] args) throws Exception {
    var initializer = new ChannelInitializer<Channel>() {
      @Override protected void initChannel(Channel channel) {
        ChannelPipeline pipeline = channel.pipeline();
        pipeline.addLast(new HttpServerCodec());
@{if guarded}@
        pipeline.addLast(new StrictUpgrade());
@{end}@
        pipeline.addLast(new HttpObjectAggregator(65536), new WebSocketServerProtocolHandler("/chat"), new Echo());
      }
    };
    new ServerBootstrap().group(new NioEventLoopGroup(1)).channel(NioServerSocketChannel.class).childHandler(initializer)
        .bind("127.0.0.1", Integer.parseInt(args[0])).sync().channel().closeFuture().sync();
  }
}

@{recipe "netty"}@
