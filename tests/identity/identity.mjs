// SPDX-License-Identifier: Apache-2.0
// Signs machines in at a real provider, through a real browser. Prints "ok" or "FAIL" for each check, and how many.
// usage: node identity.mjs SIGNIN_DRIVER CHROMIUM SCREENSHOT_DIRECTORY
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser, Driver, confirm, consent, freePort, heading, logIn, overhear as listenTo, press, text } from './hands.mjs';
import { TestProvider } from './provider.mjs';

const [driverProgram, chromium, pictures] = process.argv.slice(2);
mkdirSync(pictures, { recursive: true });
let passed = 0;
let failed = 0;
function check(what, good, detail = '') {
  if (good) passed += 1; else failed += 1;
  console.log(`${good ? 'ok  ' : 'FAIL'}  ${what}${good || !detail ? '' : `: ${detail}`}`);
}
const picture = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`) });

const provider = new TestProvider();
await provider.listen();
const port = await freePort();
const base = `http://127.0.0.1:${port}`;
provider.rotate('RS256', [`${base}/callback`]);
const secretFile = join(pictures, 'client.secret');
writeFileSync(secretFile, `${provider.clientSecret}\n`, { mode: 0o600 });
const complaints = []; // of the browser about our pages
const logs = []; // of all drivers
const secrets = provider.secrets;

async function start(...options) {
  const driver = new Driver(driverProgram, ['--issuer', provider.issuer, '--client-id', 'kernmesh',
    '--client-secret-file', secretFile, '--port', String(port), ...options]);
  const ready = await driver.line();
  if (ready !== 'ready') throw new Error(ready);
  return driver;
}
async function stop(driver) {
  const status = await driver.end();
  check('the server ends when it is told to', status === 0, `status ${status}`);
  logs.push(driver.log);
}
async function open(driver, name) {
  const invitation = await driver.open(name);
  secrets.add(invitation.handle);
  return invitation;
}
const overhear = (page) => listenTo(page, base, secrets);
// Signs in as `name` with a fresh browser; the page that comes out.
async function signIn(browser, url, name) {
  const page = overhear(await browser.person(complaints));
  await page.goto(url);
  await confirm(page);
  await logIn(page, name);
  await consent(page);
  return page;
}

async function browserFlow(browser) {
  const driver = await start();
  const one = await open(driver, 'web-1');
  check('the link leads to the server with the code in it', one.url === `${base}/node?code=${one.code}`, one.url);
  check('nobody has signed in yet', (await driver.tell(`outcome ${one.number}`)).includes('pending'));

  const page = overhear(await browser.person(complaints));
  await page.goto(base);
  await picture(page, '1-code');
  await page.type('#code', one.code.toLowerCase().replaceAll('-', ' '));
  await press(page, 'button');
  check('a code may be typed in small letters and with blanks', (await text(page)).includes('web-1'));
  await picture(page, '2-confirm');
  await confirm(page);
  await picture(page, '3-provider-login');
  await logIn(page, 'ann');
  await picture(page, '4-provider-consent');
  await consent(page);
  check('the page says that the machine is signed in', await heading(page) === 'Signed in', await text(page));
  const said = await text(page);
  for (const word of ['web-1', 'Ann Example', 'ann@example.org', provider.issuer]) check(`the page names ${word}`, said.includes(word));
  await picture(page, '5-signed-in');
  check('the agent hears of it', (await driver.ended(one.number)).includes('authorized'));

  const back = page.url();
  await page.goto(back);
  check('the same answer of the provider a second time is refused', await heading(page) === 'Not signed in', await text(page));
  await picture(page, '6-replayed');
  check('and takes nothing back', (await driver.tell(`outcome ${one.number}`)).includes('authorized'));
  check('the machine is let in as who signed in',
    await driver.tell(`admit ${one.number}`) === `admitted ${one.number} id-of-ann ann@example.org dev,ops,`);
  check('and once alone', (await driver.tell(`admit ${one.number}`)).startsWith('refused'));
  await page.goto(one.url);
  check('the link is of no use afterwards', (await text(page)).includes('not waiting for anybody'));

  // The cookie of another browser does not fit: a link to /callback that somebody is sent signs nobody in.
  const two = await open(driver, 'web-2');
  const mallory = overhear(await browser.person(complaints));
  let stolen;
  await mallory.setRequestInterception(true);
  mallory.on('request', (request) => {
    if (!request.url().startsWith(`${base}/callback`)) return request.continue();
    stolen = request.url();
    return request.abort();
  });
  await mallory.goto(two.url);
  await confirm(mallory);
  await logIn(mallory, 'eve');
  await mallory.click('button[type=submit]');
  await mallory.waitForFunction(() => true);
  const until = Date.now() + 10_000;
  while (!stolen && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  const victim = overhear(await browser.person(complaints));
  await victim.goto(stolen);
  check("another browser's answer is refused", (await text(victim)).includes('another browser'), await text(victim));
  check('and signs nobody in', (await driver.tell(`outcome ${two.number}`)).includes('pending'));

  // A page of somebody else posts the form in the name of whoever visits it.
  const three = await open(driver, 'web-3');
  const scripted = await browser.person([]); // the browser complains of this one, and should
  await scripted.goto(three.url);
  const forged = await scripted.evaluate(async (code) => {
    const answer = await fetch('/go', { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: `code=${code}&slip=${'A'.repeat(43)}` });
    return answer.status;
  }, three.code).catch((error) => String(error));
  check('the pages allow no script and no fetch at all', String(forged).includes('Failed to fetch'), String(forged));
  const direct = await fetch(`${base}/go`, { method: 'POST', body: new URLSearchParams({ code: three.code, slip: 'A'.repeat(43) }) });
  check('the form without its slip is refused', direct.status === 403 && (await direct.text()).includes('not asked to confirm'));

  // Refused at the provider.
  const four = await open(driver, 'web-4');
  const refuser = overhear(await browser.person(complaints));
  await refuser.goto(four.url);
  await confirm(refuser);
  await Promise.all([refuser.waitForNavigation(), refuser.click('a[href*="/abort"]')]);
  check('who refuses at the provider is told so', (await text(refuser)).includes("The sign-in was refused at the provider's page."), await text(refuser));
  check('and so is the agent', (await driver.ended(four.number)).includes("denied the sign-in was refused at the provider's page"));

  // The server's own word about who signs in.
  await driver.tell('ban id-of-eve');
  const five = await open(driver, 'web-5');
  const banned = await signIn(browser, five.url, 'eve');
  check('whom the server refuses is told why', (await text(banned)).includes('Your account here is locked.'), await text(banned));
  await picture(banned, '7-refused');

  // What people call themselves is text.
  const six = await open(driver, 'web-6');
  const bold = await signIn(browser, six.url, 'bob');
  check('a name with markup is shown as it is', (await text(bold)).includes('Bob <b>Bold</b>'), await text(bold));
  check('an address that is not verified is not shown', !(await text(bold)).includes('bob@example.org'));
  check('and does not count', (await driver.tell(`admit ${six.number}`)).startsWith(`admitted ${six.number} id-of-bob - `));

  // Redirects to anywhere, in every parameter.
  const elsewhere = 'https://evil.example/';
  for (const path of [`/callback?state=x&code=y&redirect_uri=${elsewhere}`, `/?next=${elsewhere}`, `//evil.example/%2f..`,
    `/node?code=${elsewhere}`, `/callback?error=x&error_uri=${elsewhere}&state=${elsewhere}`]) {
    const answer = await fetch(base + path, { redirect: 'manual' });
    check(`leads nowhere: ${path}`, answer.status < 300 || answer.status >= 400, String(answer.status));
    check(`and names nowhere: ${path}`, !(await answer.text()).includes('evil.example'));
  }
  await stop(driver);
}

async function rotation(browser) {
  const driver = await start();
  // The driver has the keys of the sign-in before; each rotation makes it ask again.
  for (const algorithm of ['RS256', 'ES256', 'PS256', 'EdDSA']) {
    provider.rotate(algorithm);
    const until = Date.now() + 60_000;
    let outcome = '';
    // Keys are asked for at most every 10 s: who is faster is refused and comes again.
    while (!outcome.includes('authorized') && Date.now() < until) {
      const { number, url } = await open(driver, `web-${algorithm}`);
      await signIn(browser, url, 'ann');
      outcome = await driver.ended(number);
    }
    check(`after a rotation to ${algorithm} people sign in`, outcome.includes('authorized'), outcome);
  }
  await stop(driver);
}

async function terms(browser) {
  const driver = await start('--allowed-domain', 'example.org', '--allowed-group', 'dev');
  for (const [name, reason] of [['eve', "your e-mail address's domain"], ['bob', 'does not say that it has verified yours']]) {
    const { number, url } = await open(driver, 'web-7');
    const page = await signIn(browser, url, name);
    check(`${name} is not taken`, (await text(page)).includes(reason), await text(page));
    check(`and the agent hears why`, (await driver.ended(number)).includes(reason));
  }
  const ann = await open(driver, 'web-8');
  await signIn(browser, ann.url, 'ann');
  check('ann is taken', (await driver.ended(ann.number)).includes('authorized'));

  // The provider forgets people and renames them; they are known by their subject.
  provider.people.get('ann').name = 'Ann Other';
  const renamed = await open(driver, 'web-9');
  const page = await signIn(browser, renamed.url, 'ann');
  check('who was renamed is the same person', (await text(page)).includes('Ann Other') && (await text(page)).includes('id-of-ann'));
  await stop(driver);
}

async function deviceFlow(browser) {
  const driver = await start('--device');
  const one = await open(driver, 'web-10');
  secrets.delete(one.code);
  check("the link is the provider's", one.url.startsWith(`${provider.issuer}/device`), one.url);
  const page = overhear(await browser.person(complaints));
  await page.goto(one.url);
  await page.waitForSelector('button[type=submit]');
  await picture(page, '8-device');
  await press(page, 'button[type=submit]');
  await logIn(page, 'ann');
  await consent(page);
  check('the agent hears of it by itself', (await driver.ended(one.number)).includes('authorized'));
  check('the machine is let in as who signed in', (await driver.tell(`admit ${one.number}`)).startsWith(`admitted ${one.number} id-of-ann ann@example.org dev,ops,`));

  const two = await open(driver, 'web-11');
  const refuser = overhear(await browser.person(complaints));
  await refuser.goto(two.url);
  await refuser.waitForSelector('button[type=submit]');
  await press(refuser, 'button[type=submit]');
  await Promise.all([refuser.waitForNavigation(), refuser.click('a[href*="/abort"]')]);
  check('who refuses is believed', (await driver.ended(two.number)).includes('denied'));
  await stop(driver);
}

async function providerDown(browser) {
  const driver = await start();
  provider.down = true;
  const { number, url } = await open(driver, 'web-12');
  const page = overhear(await browser.person(complaints));
  const before = provider.asked.get('/.well-known/openid-configuration') ?? 0;
  const began = Date.now();
  for (let i = 0; i < 5; i += 1) {
    await page.goto(url);
    await press(page, 'button[type=submit]');
  }
  const most = 1 + Math.floor((Date.now() - began) / 10_000); // it is asked again after ten seconds
  check('a provider that is down is said to be', (await text(page)).includes('cannot be reached now'), await text(page));
  check('and is asked once, not for each', provider.asked.get('/.well-known/openid-configuration') - before <= most);
  check('the sign-in waits', (await driver.tell(`outcome ${number}`)).includes('pending'));
  provider.down = false;
  const until = Date.now() + 30_000;
  let there = false;
  while (!there && Date.now() < until) {
    await page.goto(url);
    await page.click('button[type=submit]');
    there = await page.waitForSelector('input[name=login]', { timeout: 1000 }).then(() => true, () => false);
  }
  check('and goes on when the provider is back', there);
  await logIn(page, 'ann');
  await consent(page);
  check('to its end', (await driver.ended(number)).includes('authorized'));
  await stop(driver);
}

async function providerSlow(browser) {
  const driver = await start();
  const { number, url } = await open(driver, 'web-13');
  const page = overhear(await browser.person(complaints));
  provider.slow = 3_600_000;
  await page.goto(url);
  const asked = provider.isAsked('/.well-known/openid-configuration');
  const pressed = press(page, 'button[type=submit]');
  await asked;
  const began = Date.now();
  check('while the provider says nothing others are served', (await fetch(base)).status === 200 && Date.now() - began < 6_000, `${Date.now() - began} ms`);
  await pressed;
  check('a provider that never answers is not waited for', (await text(page)).includes('cannot be reached now'), await text(page));
  check('the sign-in waits', (await driver.tell(`outcome ${number}`)).includes('pending'));
  provider.slow = 500;
  const until = Date.now() + 30_000;
  let there = false;
  while (!there && Date.now() < until) {
    await page.goto(url);
    await page.click('button[type=submit]');
    there = await page.waitForSelector('input[name=login]', { timeout: 5000 }).then(() => true, () => false);
  }
  check('one that takes its time is', there, await text(page));
  await logIn(page, 'ann');
  await consent(page);
  check('to the end', (await driver.ended(number)).includes('authorized'));
  provider.slow = 0;
  await stop(driver);
}

const browser = await Browser.start(chromium);
try {
  for (const part of [browserFlow, rotation, terms, deviceFlow, providerDown, providerSlow]) {
    console.log(`== ${part.name}`);
    await part(browser);
  }
} catch (error) {
  check('every part comes to its end', false, error.stack);
} finally {
  await browser.end();
  rmSync(secretFile);
  provider.server.closeAllConnections();
  provider.server.close();
}
console.log('== logs');
const log = logs.join('');
writeFileSync(join(pictures, 'server.log'), log);
const told = [...secrets].filter((secret) => secret && log.includes(secret));
check(`no log names any of ${secrets.size} secrets`, told.length === 0, told.join(' '));
check('the log says who signed in where', /sign-in of machine \S+ \(web-1, 192\.0\.2\.7\): authorized by id-of-ann of http/.test(log));
check('the log says who was refused and why', log.includes('(web-5, 192.0.2.7): your account here is locked'));
check("no page breaks its own content policy", complaints.length === 0, complaints.join(' '));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
