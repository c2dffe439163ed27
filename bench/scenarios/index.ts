// All scenarios by name, in the order they run.

import { cluster } from './cluster.ts';
import { connect } from './connect.ts';
import { fanout } from './fanout.ts';
import { memory } from './memory.ts';
import type { Scenario } from './scenario.ts';
import { send } from './send.ts';

export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['send', send],
  ['fanout', fanout],
  ['connect', connect],
  ['memory', memory],
  ['cluster', cluster],
]);
