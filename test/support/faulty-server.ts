// A server process with a fault in it: `node faulty-server.ts <fault>`, the settings in the environment, as for `utalk serve`.

import { createApp } from '../../server/app.ts';
import { readSettings } from '../../server/config.ts';
import { createLog } from '../../server/log.ts';
import { type FaultName, faults } from './faulty.ts';

const wrapBus = faults[process.argv[2] as FaultName];
if (wrapBus === undefined) throw new Error(`no such fault: ${process.argv[2]}`);

const { settings } = readSettings(process.env);
const app = await createApp(settings, createLog(settings.logLevel), { wrapBus });
const { port } = await app.listen();
process.once('SIGTERM', () => void app.close().then(() => process.exit()));
console.log(`WebSocket: ws://127.0.0.1:${port}`);
