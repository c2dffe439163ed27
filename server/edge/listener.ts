// The WebSocket edge: native callbacks become sessions and frames for dispatch, and topics become native publishes.
//
// Rules of the native side kept here: nothing acts on a socket inside `dropped`, no method is called on a closed socket, a
// request is not touched after its handler has returned, and every option is checked before it gets there.

import type { Logger } from 'pino';
import { encodePush } from '../../protocol/codec.ts';
import { limits, type Path } from '../../protocol/index.ts';
import type { Settings } from '../config.ts';
import { aliveTopic, type Topics } from '../domain/topics.ts';
import { StartError } from '../errors.ts';
import type { Health } from '../health.ts';
import type { Session } from '../session/session.ts';
import { trustedProxies } from './address.ts';
import { ConnectionCaps } from './connection-caps.ts';
import { judgeUpgrade, type UpgradeRules } from './upgrade.ts';
import { loadUws, type NativeApp, type NativeRequest, type NativeResponse, type NativeSocket, type WebSocketBehavior } from './uws.ts';
import { type SocketData, UwsSocket } from './uws-socket.ts';

export interface ListenerOptions {
  settings: Settings;
  log: Logger;
  health(): Health;
  /** Whether other processes of this user may listen on the port as well; the kernel spreads connects over them. */
  shared: boolean;
  /** Whether upgrades are accepted now. */
  accepting(): boolean;
  /** Origins of our own page, known once its port is. */
  ownOrigins(): readonly string[];
  /** A token that came with the upgrade: rejects when it is refused, before there is a socket. */
  checkToken(token: string, bearer: { path: Path; address: string }): Promise<unknown>;
  openSession(socket: UwsSocket, data: SocketData): Session;
  /** One binary message. The bytes die when this returns. */
  onFrame(session: Session, bytes: Uint8Array): void;
  onTextFrame(session: Session): void;
}

export interface Listener extends Topics {
  /** @returns the port taken. @throws StartError when it is in use. */
  listen(): Promise<number>;
  /** Takes no new connections; open ones stay. */
  stopAccepting(): void;
  close(): void;
  subscribers(topic: string): number;
  stats(): { open: number; opened: number; closed: Record<string, number>; slow: number; refused: number; addresses: number };
}

/** Seconds without a byte from the client; pings go out before that. uWS takes 0 or 8 to 960. */
const idleTimeoutS = 60;

export async function createListener(options: ListenerOptions): Promise<Listener> {
  const native = await loadUws();
  return new UwsListener(native, options);
}

class UwsListener implements Listener {
  readonly #native: Awaited<ReturnType<typeof loadUws>>;
  readonly #app: NativeApp;
  readonly #options: ListenerOptions;
  readonly #rules: UpgradeRules;
  readonly #closed = new Map<number, number>();
  #counts = { open: 0, opened: 0, slow: 0, refused: 0 };
  #listenSocket: object | undefined;
  #alive: NodeJS.Timeout | undefined;

  constructor(native: Awaited<ReturnType<typeof loadUws>>, options: ListenerOptions) {
    const { settings } = options;
    this.#native = native;
    this.#options = options;
    this.#rules = {
      settings,
      trusted: trustedProxies(settings.trustedProxies),
      caps: new ConnectionCaps(settings.connectionsPerAddress, settings.connectsPerAddress),
      open: () => this.#counts.open,
      accepting: options.accepting,
      ownOrigins: options.ownOrigins,
    };
    this.#app = native.App();
    this.#app.ws<SocketData>('/*', this.#behavior());
    this.#app.get('/health/live', (response) => answer(response, '200 OK', '{"status":"ok"}'));
    this.#app.get('/health/ready', (response) => {
      const health = options.health();
      answer(response, health.ready ? '200 OK' : '503 Service Unavailable', JSON.stringify(health));
    });
    this.#app.any('/*', (response) =>
      answer(response, '426 Upgrade Required', '{"code":"UPGRADE_REQUIRED","message":"this port speaks WebSocket; HTTP is on HTTP_PORT"}'),
    );
  }

  #behavior(): WebSocketBehavior<SocketData> {
    return {
      maxPayloadLength: limits.cutFrameBytes,
      idleTimeout: idleTimeoutS,
      maxBackpressure: this.#options.settings.maxBackpressureBytes,
      closeOnBackpressureLimit: true,
      sendPingsAutomatically: true,
      maxLifetime: 0,
      compression: this.#native.DISABLED,
      upgrade: (response, request, context) => this.#upgrade(response, request, context),
      open: (socket) => this.#open(socket),
      message: (socket, message, isBinary) => this.#message(socket, message, isBinary),
      dropped: (socket) => {
        // Only a mark: acting on the socket in here crashes the process.
        socket.getUserData().slow = true;
      },
      close: (socket, code) => this.#close(socket, code),
    };
  }

  #upgrade(response: NativeResponse, request: NativeRequest, context: unknown): void {
    const judged = judgeUpgrade(this.#rules, response, request);
    if ('status' in judged) {
      this.#counts.refused++;
      answer(response, judged.status, JSON.stringify({ code: 'UPGRADE_REFUSED', message: judged.message }));
      return;
    }
    const data: SocketData = { ...judged, session: undefined, socket: undefined, slow: false };
    const complete = () => response.upgrade(data, judged.key, judged.protocol, judged.extensions, context);
    if (judged.token === undefined) {
      complete();
      return;
    }
    let aborted = false;
    response.onAborted(() => {
      aborted = true;
      this.#release(data);
    });
    this.#options.checkToken(judged.token, { path: judged.path, address: judged.address }).then(
      () => {
        if (!aborted) response.cork(complete);
      },
      () => {
        if (aborted) return;
        this.#release(data);
        this.#counts.refused++;
        response.cork(() => answer(response, '401 Unauthorized', '{"code":"NOT_AUTHENTICATED","message":"the token was refused"}'));
      },
    );
  }

  #open(native: NativeSocket<SocketData>): void {
    const data = native.getUserData();
    this.#counts.open++;
    this.#counts.opened++;
    data.socket = new UwsSocket(native, data.address);
    data.session = this.#options.openSession(data.socket, data);
  }

  #message(native: NativeSocket<SocketData>, message: ArrayBuffer, isBinary: boolean): void {
    const { session } = native.getUserData();
    if (!session || session.state === 'closed') return;
    if (isBinary) this.#options.onFrame(session, new Uint8Array(message));
    else this.#options.onTextFrame(session);
  }

  #close(native: NativeSocket<SocketData>, code: number): void {
    const data = native.getUserData();
    this.#counts.open--;
    const logged = data.slow ? 4413 : (data.socket?.closeCode ?? code);
    if (data.slow) this.#counts.slow++;
    this.#closed.set(logged, (this.#closed.get(logged) ?? 0) + 1);
    data.socket?.closed();
    this.#release(data);
    data.session?.closed();
    if (this.#options.log.isLevelEnabled('debug'))
      data.session?.log.debug({ code: logged, user: data.session.identity?.userId }, 'connection closed');
  }

  #release(data: SocketData): void {
    if (data.capKey !== undefined) this.#rules.caps.release(data.capKey);
    data.capKey = undefined;
  }

  listen(): Promise<number> {
    const { host, port } = this.#options.settings;
    const exclusively = this.#options.shared ? 0 : this.#native.LIBUS_LISTEN_EXCLUSIVE_PORT;
    return new Promise((resolve, reject) => {
      this.#app.listen(host, port, exclusively, (listenSocket) => {
        if (listenSocket === false) {
          reject(new StartError(`port ${port} on ${host} is in use: stop what holds it, or set PORT to another one`));
          return;
        }
        this.#listenSocket = listenSocket;
        this.#alive = setInterval(() => this.publish(aliveTopic, encodePush('alive', { serverTime: Date.now() })), limits.aliveIntervalMs);
        resolve(this.#native.us_socket_local_port(listenSocket));
      });
    });
  }

  stopAccepting(): void {
    if (!this.#listenSocket) return;
    this.#native.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
  }

  close(): void {
    clearInterval(this.#alive);
    this.stopAccepting();
    this.#app.close();
  }

  publish(topic: string, frame: Uint8Array): void {
    this.#app.publish(topic, frame, true);
  }

  subscribers(topic: string): number {
    return this.#app.numSubscribers(topic);
  }

  stats() {
    return { ...this.#counts, closed: Object.fromEntries(this.#closed), addresses: this.#rules.caps.size };
  }
}

function answer(response: NativeResponse, status: string, body: string): void {
  response.writeStatus(status).writeHeader('content-type', 'application/json').end(body);
}
