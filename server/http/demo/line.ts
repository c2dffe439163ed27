// One row of the log as the page shows it, made from the SDK's view by half.ts.

/** How far an own message got, in the SDK's words. */
export type Mark = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed';

export interface Line {
  /** The same before and after the server has numbered it, so that its element stays. */
  key: string;
  /** Absent while it waits to be sent. */
  seq: number | undefined;
  side: 'mine' | 'theirs' | 'system';
  sender: string;
  text: string;
  /** ms since 1970. */
  at: number;
  /** On own messages only. */
  mark: Mark | undefined;
}
