// The SDK suite against the memory server; test/wire/sdk-contract.test.ts runs it against the real one.

import { MemoryWorld } from '../../sdk-suite/memory-world.ts';
import { sdkSuite } from '../../sdk-suite/suite.ts';

sdkSuite('the memory server', async () => new MemoryWorld());
