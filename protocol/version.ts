/** Version of the wire protocol. A client offers it as a WebSocket subprotocol; another major number is another protocol. */
export const protocolVersion = 1;

/** Name offered in `Sec-WebSocket-Protocol` and echoed by the server. */
export const subprotocol = 'utalk.v1';

/** Prefix of a second offered subprotocol that carries a token at upgrade: `utalk.token.<jwt>`. It is never echoed. */
export const tokenSubprotocolPrefix = 'utalk.token.';
