// Rewrites the generated sections of protocol/PROTOCOL.md. Part of `npm run slots`.

import { readFileSync, writeFileSync } from 'node:fs';
import { withSections } from './protocol-tables.ts';

const path = new URL('../protocol/PROTOCOL.md', import.meta.url);
writeFileSync(path, withSections(readFileSync(path, 'utf8')));
