// Whether a Host header names this machine. A page of a stranger can point its own name at 127.0.0.1 (DNS rebinding),
// but then the browser still sends that name.

const localHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

export function isLocalHost(host: string | undefined): boolean {
  return host !== undefined && localHost.test(host);
}
