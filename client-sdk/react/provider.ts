// Gives a client to the components below. One that the provider makes has one connection for each mounted provider.

import { createContext, createElement, type ReactElement, type ReactNode, useContext, useEffect, useState } from 'react';
import type { CommandTypes } from '../application-commands.ts';
import type { Client, ClientOptions } from '../index.ts';
import { ClientLease } from './client-lease.ts';

/** The application has made the client, connects and closes it. */
export interface ClientGiven {
  /** What the components below get. */
  client: Client;
  /** Not beside `client`. */
  options?: undefined;
  /** The components below. */
  children?: ReactNode;
}

/** The provider makes the client, connects it when it is mounted and closes it when it is unmounted. */
export interface OptionsGiven {
  /** Not beside `options`. */
  client?: undefined;
  /** Read once. For another user give the provider another `key`. */
  options: ClientOptions;
  /** The components below. */
  children?: ReactNode;
}

const ClientContext = createContext<Client | undefined>(undefined);

/**
 * Gives a client to the components below: an existing one, or one made from options, which has one connection in StrictMode
 * too. Unmounting closes that one at once, as `client.close()` does: `drain()` before it, where messages may be on their way.
 */
export function UTalkProvider({ client, options, children }: ClientGiven | OptionsGiven): ReactElement {
  return client ? createElement(ClientContext.Provider, { value: client }, children) : createElement(OwnClient, { options }, children);
}

function OwnClient({ options, children }: { options: ClientOptions; children?: ReactNode }): ReactElement {
  const [lease, setLease] = useState(() => new ClientLease(options));
  useEffect(() => {
    // React may show again what it has hidden for long, with the state it had.
    if (!lease.hold()) {
      setLease(lease.renewed());
      return;
    }
    return () => lease.release();
  }, [lease]);
  return createElement(ClientContext.Provider, { value: lease.client }, children);
}

/**
 * The client of the nearest provider, for all that has no hook. `useClient<typeof routes>()` checks the bodies of `call`.
 * @throws Error outside of a provider
 */
export function useClient<Routes extends readonly CommandTypes[] = readonly CommandTypes[]>(): Client<Routes> {
  const client = useContext(ClientContext);
  if (!client) throw new Error('useClient: there is no UTalkProvider above this component');
  return client as Client<Routes>;
}
