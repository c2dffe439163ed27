// Two people talk over a wire that is cut between their messages: talk.ts <url> <token of ana> <token of luis>. One file for
// Node, Bun and Deno: it asks for the cut with its first line, tells what luis has with its last one, and ends by itself.

import { type Client, createClient } from '../../client-sdk/index.ts';

const [url = '', ...tokens] = process.argv.slice(2);
const [ana, luis] = tokens.map((auth) => createClient({ url, auth, reconnectCeilingMs: 100 })) as [Client, Client];
await Promise.all([ana.connect(), luis.connect()]);

const talk = await ana.conversations.create({ members: [luis.identity?.userId ?? ''] });
const heard = luis.conversation(talk.id).messages({ afterSeq: 0 });
const texts: string[] = [];
async function hear(expected: string): Promise<void> {
  while (texts.at(-1) !== expected) {
    const { value } = await heard.next();
    if (value?.text !== undefined) texts.push(value.text);
  }
}

await talk.send('¡Hola! ☃').acked;
await hear('¡Hola! ☃');

const isOffline = (client: Client) =>
  new Promise<void>((resolve) => {
    client.on('state', ({ name }) => name === 'offline' && resolve());
  });
const cut = Promise.all([ana, luis].map(isOffline));
console.log('cut the wire');
await cut;
const { acked } = talk.send('日本 👩‍👩‍👧');
await Promise.all([ana.connect(), luis.connect(), acked]);
await hear('日本 👩‍👩‍👧');

const { entries } = await luis.conversation(talk.id).history({ afterSeq: 0 });
ana.close();
luis.close();
console.log(JSON.stringify({ heard: texts, stored: entries.flatMap(({ text }) => text ?? []) }));
