// What is known of the state of another node's facts here.

import type { Fact } from '../../state/index.ts';

export interface Followed {
  /** The bus knows it. Others are known from the directory only, and go with their page. */
  met: boolean;
  /** Its page must be loaded: something may be missing. */
  stale: boolean;
  /** It must be loaded anew when its turn comes, whatever is being read now. */
  lost: boolean;
  /** What it said since the read of its page began. */
  heard: Fact[] | undefined;
  /** Asked for once more while a read was under way. */
  again: boolean;
  /** To be dropped as soon as the bus is up. */
  over: boolean;
  cancelLeave: (() => void) | undefined;
  cancelRetry: (() => void) | undefined;
}

export const firstSign = (): Followed => ({
  met: false,
  stale: false,
  lost: false,
  heard: undefined,
  again: false,
  over: false,
  cancelLeave: undefined,
  cancelRetry: undefined,
});

/** What it had to say it has said. */
export const isLeaving = ({ over, cancelLeave }: Followed): boolean => over || cancelLeave !== undefined;

/** Whether something that it has said may be missing here. */
export const lacks = (followed: Followed): boolean => (followed.stale || followed.lost) && !isLeaving(followed);
