// The demo page: two customers, an agent and a bot of one conversation side by side, or one of them alone with /?user=.

import { Attention } from './attention.ts';
import { addControls } from './controls.ts';
import { part, setText } from './dom.ts';
import { Inspector } from './inspector/inspector.ts';
import { Ledger } from './lab/ledger.ts';
import { showLiveLine } from './live-line.ts';
import { Panel } from './panel.ts';
import { PanelView, type Person } from './panel-view.ts';
import { Switcher } from './switcher.ts';

interface DemoConfig {
  conversationId: string;
  users: Person[];
  wsPort: number;
  canKill: boolean;
}

const title = document.title;
const template = (id: string) => part<HTMLTemplateElement>(document, `template#${id}`);

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path, { cache: 'no-store' });
  const body = await response.json();
  if (!response.ok) throw new Error(body.message);
  return body;
}

async function start(): Promise<void> {
  const config = await getJson<DemoConfig>('/demo/config');
  const wanted = new URLSearchParams(location.search).get('user');
  const shown = wanted === null ? config.users : config.users.filter(({ id }) => id === wanted);
  if (shown.length === 0) throw new Error(`Nobody here is called ${wanted}.`);
  const alone = wanted !== null;
  showAlone(alone);
  const ledger = new Ledger();
  showLiveLine(part(document, '#line'), ledger);
  const panels = openPanels(config, shown, ledger, alone);
  addControls({ bar: part(document, '#controls'), notice: part(document, '#notice'), panels, canKill: config.canKill });
}

function openPanels(config: DemoConfig, people: readonly Person[], ledger: Ledger, alone: boolean): Panel[] {
  const attention = new Attention();
  const templates = { panel: template('panel'), entry: template('entry') };
  const views = people.map((person) => new PanelView(person, templates));
  part(document, '#panels').prepend(...views.map(({ element }) => element));
  const switcher = addSwitcher(people, views);
  switcher.onShow = (panel) => attention.turnTo(panel);
  const inspector = addInspector(switcher);
  const panels = people.map((person, index) => {
    const view = views[index]!;
    const panel = new Panel({
      person,
      conversationId: config.conversationId,
      url: `ws://${location.hostname}:${config.wsPort}/app`,
      token: async () => (await getJson<{ token: string }>(`/demo/token?user=${encodeURIComponent(person.id)}`)).token,
      view,
      attention,
      ledger,
      onChange: (client, unread) => {
        switcher.tell(view.element, client.state, unread);
        if (alone) showTitle(person, unread);
      },
    });
    inspector.watch(person, panel.wire);
    return panel;
  });
  switcher.show(views[0]!.element);
  if (people[0]!.role !== 'bot') views[0]!.focus();
  return panels;
}

function addSwitcher(people: readonly Person[], views: readonly PanelView[]): Switcher {
  const switcher = new Switcher(part(document, '#switcher'), template('tab'));
  for (const [index, person] of people.entries()) switcher.addPerson(views[index]!.element, person);
  return switcher;
}

/** On a wide screen it opens below the panels; on a narrow one it is a panel of its own. */
function addInspector(switcher: Switcher): Inspector {
  const section = part(document, '#wire');
  const button = part(document, '#open-wire');
  button.addEventListener('click', () => {
    const open = section.toggleAttribute('data-open');
    button.setAttribute('aria-expanded', String(open));
  });
  switcher.add(section, part(document, '#wire-tab'));
  return new Inspector(section, template('frame'));
}

function showAlone(alone: boolean): void {
  part(document, '#all').hidden = !alone;
  part(document, '#tagline').hidden = alone;
  document.body.toggleAttribute('data-alone', alone);
}

function showTitle({ name }: Person, unread: number): void {
  document.title = `${unread > 0 ? `(${unread}) ` : ''}${name} · ${title}`;
}

start().catch((error: Error) => {
  const failure = part(document, '#failure');
  setText(failure, error.message);
  failure.hidden = false;
});
