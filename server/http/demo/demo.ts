// The demo page: two people of one conversation side by side, or one of them alone with /?user=.

import { Attention } from './attention.ts';
import { openHalf } from './half.ts';
import { HalfView, type Person } from './half-view.ts';
import { part, setText } from './message-list.ts';

interface DemoConfig {
  conversationId: string;
  users: Person[];
  wsPort: number;
}

const title = document.title;

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path, { cache: 'no-store' });
  const body = await response.json();
  if (!response.ok) throw new Error(body.message);
  return body;
}

async function start(): Promise<void> {
  const config = await getJson<DemoConfig>('/demo/config');
  const people = config.users.filter(({ role }) => role !== 'bot').slice(0, 2);
  const wanted = new URLSearchParams(location.search).get('user');
  const shown = wanted === null ? people : people.filter(({ id }) => id === wanted);
  if (shown.length === 0) throw new Error(`Nobody here is called ${wanted}.`);
  const alone = wanted !== null;
  showAlone(alone);
  const attention = new Attention();
  const templates = { half: part<HTMLTemplateElement>(document, '#half'), entry: part<HTMLTemplateElement>(document, '#entry') };
  const views = shown.map((person) => new HalfView(person, templates));
  part(document, '#halves').append(...views.map(({ element }) => element));
  for (const [index, view] of views.entries()) open(config, shown[index]!, view, attention, alone);
  attention.turnTo(views[0]!.element);
  views[0]!.focus();
}

function open({ conversationId, wsPort }: DemoConfig, person: Person, view: HalfView, attention: Attention, alone: boolean): void {
  const name = alone ? `${person.name} · ${title}` : title;
  openHalf({
    person,
    conversationId,
    url: `ws://${location.hostname}:${wsPort}/app`,
    token: async () => (await getJson<{ token: string }>(`/demo/token?user=${encodeURIComponent(person.id)}`)).token,
    view,
    attention,
    onUnread: (count) => {
      if (alone) document.title = count > 0 ? `(${count}) ${name}` : name;
    },
  });
}

function showAlone(alone: boolean): void {
  part(document, '#both').hidden = !alone;
  part(document, '#tagline').hidden = alone;
  if (alone) part(document, '#halves').dataset.alone = '';
}

start().catch((error: Error) => {
  const failure = part(document, '#failure');
  setText(failure, error.message);
  failure.hidden = false;
});
