// The SDK suite against the real server; test/unit/client-sdk/contract.test.ts runs it against the memory server.

import { RealWorld } from '../sdk-suite/real-world.ts';
import { sdkSuite } from '../sdk-suite/suite.ts';

sdkSuite('the real server', () => RealWorld.open());
