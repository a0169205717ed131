// A gateway of Nest with the ws adapter, without the syntax of decorators.
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { WsAdapter } from '@nestjs/platform-ws'
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'

class EventsGateway {
  handleMessage (client, data) { return { event: 'message', data } }
}
const descriptor = Object.getOwnPropertyDescriptor(EventsGateway.prototype, 'handleMessage')
SubscribeMessage('message')(EventsGateway.prototype, 'handleMessage', descriptor)
WebSocketGateway()(EventsGateway)
class AppModule {}
Module({ providers: [EventsGateway] })(AppModule)

const app = await NestFactory.create(AppModule, { logger: false })
app.useWebSocketAdapter(new WsAdapter(app))
await app.listen(Number(process.argv[2]), '127.0.0.1')
