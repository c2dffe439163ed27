// One frame of the wire as the inspector shows it.

/**
 * What became of a frame. `lost`: it was taken out, or written to a connection that carries nothing any more. `doubled`: it
 * passed twice.
 */
export type FrameFate = 'passed' | 'lost' | 'doubled';

export interface WireFrame {
  /** Rising by one on its wire. */
  readonly number: number;
  /** ms since 1970, of the machine: the person's own clock may have slept. */
  readonly at: number;
  /** As the page sees it: commands go out, everything else comes in. */
  readonly direction: 'in' | 'out';
  readonly kind: 'command' | 'reply' | 'error' | 'push' | 'unknown';
  /** Of the command or the push; of a reply or an error that of the command it answers. */
  readonly name: string;
  /** Absent for pushes. */
  readonly requestId?: number;
  /** Decoded; a token is replaced by its length. */
  readonly body: unknown;
  /** As it was on the wire, a token blanked out. */
  readonly bytes: Uint8Array;
  readonly fate: FrameFate;
  /** Of a reply or an error: since its command was written. */
  readonly roundTripMs?: number;
}
