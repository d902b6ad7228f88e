// SPDX-License-Identifier: Apache-2.0
// What people.sh has set up, used: machines ask, people sign in, refuse, leave; the server restarts, the provider is down.
// usage: node people.mjs CHROMIUM DIRECTORY; LAB, LAB_PREFIX and BIN as tests/vm/lab.sh has them. Runs on the server's host.
import { readFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Machine, Server, admin, slowWay, until } from './lab.mjs';
import { Browser, confirm, consent, freePort, heading, logIn, overhear, press, text } from './hands.mjs';
import { TestProvider } from './provider.mjs';

const [chromium, pictures] = process.argv.slice(2);
const { LAB } = process.env;
mkdirSync(pictures, { recursive: true });
let passed = 0;
let failed = 0;
function check(what, good, detail = '') {
  if (good) passed += 1; else failed += 1;
  console.log(`${good ? 'ok  ' : 'FAIL'}  ${what}${good || !detail ? '' : `: ${detail}`}`);
}

const web = { key: readFileSync(join(LAB, 'web.key')), cert: readFileSync(join(LAB, 'web.crt')) };
const provider = new TestProvider(web);
await provider.listen();
const base = `https://127.0.0.1:${await freePort()}`;
provider.rotate('ES256', [`${base}/callback`]);
const secretFile = join(LAB, 'client.secret');
writeFileSync(secretFile, `${provider.clientSecret}\n`, { mode: 0o600 });
const complaints = []; // of the browser about our pages
const server = new Server();
const alpha = new Machine('alpha');
const beta = new Machine('beta');
const withProvider = ['--oidc-issuer', provider.issuer, '--oidc-client-id', 'kernmesh', '--oidc-client-secret-file', secretFile,
  '--oidc-ca-file', join(LAB, 'web.crt')];
const withPages = [...withProvider, '--signin-url', base, '--signin-listen', base.slice('https://'.length),
  '--signin-tls-cert', join(LAB, 'web.crt'), '--signin-tls-key', join(LAB, 'web.key')];

let shots = 0;
async function picture(page, name) {
  shots += 1;
  await page.screenshot({ path: join(pictures, `${String(shots).padStart(2, '0')}-${name}.png`) });
}
async function visitor(browser) { return overhear(await browser.person(complaints), base, provider.secrets); }
// Follows a link as that person, to the page that comes of it.
async function follow(browser, url, name) {
  const page = await visitor(browser);
  await page.goto(url);
  await confirm(page);
  await logIn(page, name);
  await consent(page);
  return page;
}
// `up` on that machine, signed in by that person.
async function upBy(browser, machine, name, ...flags) {
  const up = machine.up(...flags);
  const { url } = await up.invitation();
  const page = await follow(browser, url, name);
  return { page, ...(await up.end()) };
}
const nodeOf = async (name) => (await admin('node', 'list')).nodes.find((node) => node.name === name);
const userOf = async (subject) => (await admin('user', 'list')).users.find((user) => user.subject === subject);
const stateOf = async (machine) => (await machine.status()).state;
const sees = async (machine, peer) => (await machine.status()).peers.some((known) => known.name === peer);

async function withoutProvider() {
  await server.start();
  const { status, error } = await alpha.up('--server', server.address).end();
  check('a server without a provider says that it takes a join key', status === 1 && error.code === 'unsupported'
    && error.message.includes('join key'), JSON.stringify(error));
  check('and the machine is as before', await stateOf(alpha) === 'logged_out');
  await server.stop();
}

async function trust() {
  await server.start(...withPages);
  const strange = await beta.up('--server', server.address).end();
  check('a server that nobody vouches for is not trusted', strange.error?.code === 'unauthenticated'
    && strange.error.message.includes('--ca-fingerprint'), JSON.stringify(strange));
  const wrong = await beta.up('--server', server.address, '--ca-fingerprint', 'ab'.repeat(32)).end();
  check('nor one with another fingerprint', wrong.error?.code === 'unauthenticated', JSON.stringify(wrong));
  const up = beta.up('--server', server.address, '--ca-fingerprint', server.fingerprint());
  check('one whose fingerprint is known is', (await up.invitation()).url.startsWith(`${base}/node?code=`));
  await up.interrupt();
}

async function firstSignIn(browser) {
  const up = alpha.up('--server', server.address, '--hostname', 'alpha');
  const invitation = await up.invitation();
  check('the link has the code in it', invitation.url === `${base}/node?code=${invitation.code}`, JSON.stringify(invitation));
  check('and lives for ten minutes', invitation.lifetime_s === 600);
  const page = await visitor(browser);
  await page.goto(invitation.url);
  await picture(page, 'confirm');
  const said = await text(page);
  check('the page names the machine and where it is', said.includes('alpha') && said.includes('10.77.1.2'), said);
  await confirm(page);
  await logIn(page, 'ann');
  await consent(page);
  await picture(page, 'signed-in');
  check('the page says that it is done', await heading(page) === 'Signed in', await text(page));
  const { status, answer } = await up.end();
  check('the terminal goes on by itself', status === 0 && answer.node.name === 'alpha', JSON.stringify(answer));
  check('and knows whose the machine is', answer.node.user === 'ann@example.org');
  check('the node is listed with its user', (await nodeOf('alpha')).user === 'ann@example.org');
  const ann = await userOf('id-of-ann');
  check('the user is the account', ann.issuer === provider.issuer && ann.email === 'ann@example.org', JSON.stringify(ann));
  check('with the groups of the provider', ann.groups.join() === 'dev,ops', JSON.stringify(ann.groups));
  check('who has no role by that', ann.roles.length === 0);
  const again = await alpha.up().end();
  check('up again asks nobody', again.status === 0 && again.answer.node.name === 'alpha');
}

async function interrupted() {
  const up = beta.up('--server', server.address, '--ca-fingerprint', server.fingerprint());
  await up.invitation();
  const second = beta.up('--server', server.address, '--ca-fingerprint', server.fingerprint());
  await second.invitation();
  const first = await up.end();
  check('one `up` waits at a time, the newest', first.error?.message.includes('another `meshadm up` came in between'), JSON.stringify(first));
  const { status, error } = await second.interrupt();
  check('Ctrl-C gives up', status === 1 && error.message.includes('as it was before'), JSON.stringify(error));
  check('the machine is logged out as before', await stateOf(beta) === 'logged_out');
  check('the server has no node of it', await nodeOf('beta') === undefined);
  const down = beta.up('--server', server.address, '--ca-fingerprint', server.fingerprint());
  await down.invitation();
  await beta.run('down');
  check('`meshadm down` ends the waiting too', (await down.end()).error?.message.includes('`meshadm down` came in between'));
}

// Ctrl-C when the server has let the machine in and the machine does not know it yet.
async function interruptedLate(browser) {
  const way = await slowWay(8450, 1000);
  const up = beta.up('--server', way.address, '--ca-fingerprint', server.fingerprint(), '--hostname', 'shy');
  await follow(browser, (await up.invitation()).url, 'ann');
  await until('the server has a node of it', async () => await nodeOf('shy') !== undefined);
  const { status } = await up.interrupt();
  check('Ctrl-C while the machine is let in gives up', status === 1);
  await until('the machine is logged out', async () => await stateOf(beta) === 'logged_out');
  check('and the server has no node of it', await nodeOf('shy') === undefined);
  check('it has left by itself', (await admin('audit', '--action', 'node.leave')).events[0]?.subject.includes('shy'));
  way.close();
}

async function refusedByTerms(browser) {
  await server.restart(...withPages, '--oidc-allowed-domain', 'example.org', '--oidc-allowed-group', 'ops');
  for (const [name, reason] of [['eve', "your e-mail address's domain"], ['bob', 'does not say that it has verified yours']]) {
    const { page, status, error } = await upBy(browser, beta, name, '--server', server.address, '--ca-fingerprint', server.fingerprint());
    check(`${name} is refused on the page`, (await text(page)).includes(reason), await text(page));
    check('and the terminal says why', status === 1 && error.code === 'permission_denied' && error.message.includes(reason), JSON.stringify(error));
  }
  await server.restart(...withPages, '--oidc-allowed-group', 'board');
  const { page, error } = await upBy(browser, beta, 'ann', '--server', server.address, '--ca-fingerprint', server.fingerprint());
  check('who is in no group that is taken is refused', error?.message.includes('in none of the groups'), JSON.stringify(error));
  await picture(page, 'refused');
  check('no user is made of them', await userOf('id-of-eve') === undefined && await userOf('id-of-bob') === undefined);
  check('and the node from before goes on', await stateOf(alpha) === 'up');
  await server.restart(...withPages);
}

async function otherPerson(browser) {
  const { page, status, error } = await upBy(browser, alpha, 'bob', '--sign-in');
  check("another person is refused for ann's node", (await text(page)).includes("another user's"), await text(page));
  await picture(page, 'other-person');
  check('and the terminal says so', status === 1 && error.code === 'permission_denied', JSON.stringify(error));
  check("it is ann's, and up", (await nodeOf('alpha')).user === 'ann@example.org' && await stateOf(alpha) === 'up');
}

async function expiry(browser) {
  const before = await alpha.status();
  await admin('node', 'expire', 'alpha', '--yes');
  await until('alpha knows that it has expired', async () => (await alpha.status()).server.error?.includes('has expired'));
  const status = await alpha.status();
  check('the expired node is told what to do', status.server.error.includes('meshadm up'), status.server.error);
  const stranger = await upBy(browser, alpha, 'bob');
  check('another person does not bring it back', stranger.status === 1, JSON.stringify(stranger.error));
  const { status: code, answer, error } = await upBy(browser, alpha, 'ann');
  check('its user does, without a word more than `up`', code === 0, JSON.stringify(error));
  check('with the address of before', answer?.node.addresses[0] === before.node.addresses[0]);
  check('the server lists it as approved', (await nodeOf('alpha')).state === 'approved');
}

async function providerDown(browser) {
  const up = alpha.up('--sign-in');
  const { url } = await up.invitation();
  provider.down = true;
  await server.restart(...withPages); // so that it holds nothing of the provider's
  const renewed = await up.invitation();
  check('a server that starts again invites anew', renewed.url !== url, renewed.url);
  const stale = await visitor(browser);
  await stale.goto(url);
  check('the link of before is of no use', (await text(stale)).includes('not waiting for anybody'));
  const page = await visitor(browser);
  await page.goto(renewed.url);
  await press(page, 'button[type=submit]');
  check('a provider that is down is said to be', (await text(page)).includes('cannot be reached now'), await text(page));
  check('and that the machine waits', (await text(page)).includes('follow the same link again'), await text(page));
  await picture(page, 'provider-down');
  provider.down = false;
  await until('the provider is asked again', async () => {
    await page.goto(renewed.url);
    await page.click('button[type=submit]');
    return page.waitForSelector('input[name=login]', { timeout: 1000 }).then(() => true, () => false);
  });
  await logIn(page, 'ann');
  await consent(page);
  const { status, error } = await up.end();
  check('and the same link goes on when it is back', status === 0, JSON.stringify(error));
}

async function serverAway(browser) {
  await server.stop();
  const { status, error } = await alpha.up('--sign-in').end();
  check('a server that is away is said to be', status === 1 && error.code === 'unavailable', JSON.stringify(error));
  check('and the node is up as before', await stateOf(alpha) === 'up');
  await server.start(...withPages);
  const up = alpha.up('--sign-in');
  const { url } = await up.invitation();
  await server.stop();
  await server.start(...withPages);
  const { url: next } = await up.invitation();
  check('one that comes back while somebody waits invites anew', url !== next);
  await follow(browser, next, 'ann');
  check('and lets him in', (await up.end()).status === 0);
}

async function groups(browser) {
  const key = await admin('user', 'create', 'carol').then(() => admin('key', 'create', '--user', 'carol'));
  provider.secrets.add(key.secret.slice(-43));
  await beta.run('up', '--server', server.address, '--key', key.secret, '--hostname', 'beta');
  const policy = join(LAB, 'groups.hujson');
  writeFileSync(policy, '{"groups": {"group:operators": ["oidc:ops"]},\n'
    + ' "acls": [{"action": "accept", "src": ["group:operators"], "dst": ["carol@:*"]}]}\n');
  await admin('policy', 'set', policy);
  await until("the provider's group is one of the policy's", () => sees(beta, 'alpha'));
  check("a group of the provider lets its people through", true);
  provider.people.get('ann').groups = ['dev'];
  const { status } = await upBy(browser, alpha, 'ann', '--sign-in');
  check('who signs in again is asked anew who he is', status === 0 && (await userOf('id-of-ann')).groups.join() === 'dev');
  await until('who has left the group is gone from the netmap', async () => !(await sees(beta, 'alpha')));
  check('who has left the group is gone from the netmap of others', true);
  const events = (await admin('audit', '--action', 'user.update')).events;
  check('the audit log tells of it', events[0]?.detail === '-group ops', JSON.stringify(events[0]));
}

async function renamed(browser) {
  Object.assign(provider.people.get('ann'), { name: 'Ann Married', email: 'ann.married@example.org' });
  const { status, answer } = await upBy(browser, alpha, 'ann', '--sign-in');
  check('who was renamed at the provider keeps his node', status === 0 && answer.node.user === 'ann.married@example.org', JSON.stringify(answer));
  // Somebody new gets the old address.
  provider.people.set('andy', { name: 'Andy', email: 'ann@example.org', email_verified: true, groups: [] });
  const joined = await upBy(browser, new Machine('gamma'), 'andy', '--server', server.address, '--ca-fingerprint', server.fingerprint(), '--hostname', 'gamma');
  check('the address of before is the next one\'s, with another user', joined.answer?.node.user === 'ann@example.org', JSON.stringify(joined.error));
  check('who has no node of hers', (await nodeOf('alpha')).user === 'ann.married@example.org' && (await nodeOf('gamma')).user === 'ann@example.org');
}

async function notTakenOver(browser) {
  provider.people.set('olga', { name: 'Olga', email: 'olga@example.org', email_verified: true, groups: [] });
  await admin('user', 'create', 'boss', '--email', 'olga@example.org', '--role', 'owner');
  const delta = new Machine('delta');
  const flags = ['--server', server.address, '--ca-fingerprint', server.fingerprint(), '--hostname', 'desk'];
  const { page, status, error } = await upBy(browser, delta, 'olga', ...flags);
  check('a user that an administrator made is not taken over', status === 1 && error.message.includes("meshadm user link boss 'id-of-olga'"), JSON.stringify(error));
  await picture(page, 'not-taken-over');
  await admin('user', 'link', 'boss', 'id-of-olga');
  const linked = await upBy(browser, delta, 'olga', ...flags);
  check('until he says who it is', linked.status === 0 && linked.answer.node.user === 'boss', JSON.stringify(linked.error));
}

async function deleted(browser) {
  const andy = await userOf('id-of-andy');
  await admin('node', 'remove', 'gamma', '--yes');
  await admin('user', 'delete', andy.name, '--yes');
  provider.people.delete('andy');
  provider.people.delete('ann');
  const up = alpha.up('--sign-in');
  const { url } = await up.invitation();
  const page = await visitor(browser);
  await page.goto(url);
  await confirm(page);
  await logIn(page, 'ann');
  await page.waitForFunction(() => document.readyState === 'complete');
  check('who was deleted at the provider does not get past it', !(await text(page)).includes('is signed in'), await text(page));
  await up.interrupt();
  check('what was his goes on until it ends', await stateOf(alpha) === 'up');
}

async function deviceFlow(browser) {
  provider.people.set('ann', { name: 'Ann Example', email: 'ann@example.org', email_verified: true, groups: ['ops'] });
  await server.restart(...withProvider);
  const up = alpha.up('--sign-in');
  const { url } = await up.invitation();
  check("without pages of ours the link is the provider's", url.startsWith(`${provider.issuer}/device`), url);
  const page = await visitor(browser);
  await page.goto(url);
  await page.waitForSelector('button[type=submit]');
  await press(page, 'button[type=submit]');
  await logIn(page, 'ann');
  await consent(page);
  check('and leads to the same end', (await up.end()).status === 0);
  await server.restart(...withPages);
}

async function terminal(browser) {
  const up = alpha.upOnTerminal('--sign-in');
  await up.until('Ctrl-C gives up');
  writeFileSync(join(pictures, 'terminal.txt'), up.shown);
  const code = up.shown.split('\n').filter((line) => line.includes('\x1b[30;107m'));
  check('a terminal shows a QR code', code.length >= 15 && code.every((line) => line.includes('\x1b[0m')), `${code.length} lines`);
  const link = up.plain().match(/https:\/\/\S+/)[0];
  check('and the link in words', link.startsWith(`${base}/node?code=`), link);
  const page = await browser.person([]);
  const rows = code.map((line) => line.replaceAll(/\x1b\[[0-9;]*m|\r/g, ''));
  await page.setContent(`<pre style="line-height:1;background:#fff;font-family:monospace">${rows.join('\n')}</pre>`);
  await picture(page, 'qr-code');
  await follow(browser, link, 'ann');
  await up.until('is up as');
  check('and goes on', up.plain().includes('Signed in as ann@example.org.'), up.plain());
}

const browser = await Browser.start(chromium);
try {
  for (const part of [withoutProvider, trust, firstSignIn, interrupted, interruptedLate, refusedByTerms, otherPerson, expiry, providerDown, serverAway, groups,
    renamed, notTakenOver, deleted, deviceFlow, terminal]) {
    console.log(`== ${part.name}`);
    await part(browser);
  }
} catch (error) {
  check('every part comes to its end', false, error.stack);
} finally {
  await browser.end();
  await server.stop();
  provider.server.closeAllConnections();
  provider.server.close();
}
console.log('== logs');
const logs = readdirSync(LAB).filter((name) => name.endsWith('.log'));
let told = [];
for (const name of logs) {
  const log = readFileSync(join(LAB, name), 'utf8');
  writeFileSync(join(pictures, name), log);
  told = told.concat([...provider.secrets].filter((secret) => secret && log.includes(secret)).map((secret) => `${name}: ${secret}`));
}
check(`no log of ${logs.join(', ')} names any of ${provider.secrets.size} secrets`, logs.length >= 3 && told.length === 0, told.join(' '));
check('no page breaks its own content policy', complaints.length === 0, complaints.join(' '));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
