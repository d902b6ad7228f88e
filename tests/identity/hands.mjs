// SPDX-License-Identifier: Apache-2.0
// What the tests drive: the sign-in of the server (signin_driver) and a headless Chromium.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

export const DEADLINE_MS = 60_000;

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// One line in, one line out.
export class Driver {
  constructor(program, options) {
    this.child = spawn(program, options, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.log = '';
    this.child.stderr.on('data', (data) => { this.log += data; });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async line() {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('the driver says nothing')), DEADLINE_MS);
    });
    const { value, done } = await Promise.race([this.lines.next(), late]);
    clearTimeout(timer);
    if (done) throw new Error(`the driver has ended: ${this.log}`);
    return value;
  }

  async tell(line) {
    this.child.stdin.write(`${line}\n`);
    return this.line();
  }

  async open(name) {
    const words = (await this.tell(`open ${name}`)).split(' ');
    if (words[0] !== 'invitation') throw new Error(words.join(' '));
    return { number: words[1], handle: words[2], url: words[3], code: words[4] };
  }

  // Asks until the sign-in is over, as an agent does.
  async ended(number) {
    const until = Date.now() + DEADLINE_MS;
    while (Date.now() < until) {
      const answer = await this.tell(`outcome ${number}`);
      if (!answer.includes(' pending')) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`sign-in ${number} is pending for ever`);
  }

  async end() {
    const ended = new Promise((resolve) => this.child.on('exit', resolve));
    this.child.stdin.end();
    return ended;
  }
}

export class Browser {
  static async start(program) {
    const self = new Browser();
    self.browser = await puppeteer.launch({
      executablePath: program, headless: 'shell',
      acceptInsecureCerts: true, // what programs must not accept is for their tests
      // Nothing but loopback: the provider's pages would fetch a font.
      args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', '--disable-background-networking',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
    });
    return self;
  }

  // A page with cookies of its own: another person's browser. Its console must stay empty of refusals by the pages' policy.
  async person(complaints) {
    const context = await this.browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.setViewport({ width: 900, height: 700 });
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
    });
    return page;
  }

  async end() { await this.browser.close(); }
}

// Presses the button and waits for the page behind it.
export async function press(page, selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)]);
}

export const heading = (page) => page.$eval('h1', (node) => node.textContent);
export const text = (page) => page.$eval('body', (node) => node.innerText);

// From the confirmation to the provider, and through its login and consent to wherever that leads.
export async function confirm(page) {
  await page.click('button[type=submit]');
  await page.waitForSelector('input[name=login], form[action*="/interaction/"] button', { timeout: DEADLINE_MS });
}

export async function logIn(page, name) {
  await page.type('input[name=login]', name);
  await page.type('input[name=password]', 'any');
  await press(page, 'button.login-submit');
}

// Keeps what passes the address bar and is nobody's business: states, nonces, and the codes that come back to `base`.
export function overhear(page, base, secrets) {
  page.on('request', (request) => {
    if (!request.isNavigationRequest()) return;
    const { searchParams } = new URL(request.url());
    for (const name of ['state', 'nonce', 'code_challenge']) if (searchParams.get(name)) secrets.add(searchParams.get(name));
    if (request.url().startsWith(`${base}/callback`)) secrets.add(searchParams.get('code') ?? 'no code at all');
  });
  return page;
}

export async function consent(page) { await press(page, 'button[type=submit]'); }
