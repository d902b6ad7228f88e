// SPDX-License-Identifier: Apache-2.0
// The hosts of tests/vm/lab.sh as people.mjs uses them: its server, its machines, and what they print.
import { execFile, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { DEADLINE_MS } from './hands.mjs';

const { LAB, LAB_PREFIX, BIN } = process.env;
const ADDRESS = '10.77.9.2:8443';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits for what is going to be so.
export async function until(what, test) {
  const end = Date.now() + DEADLINE_MS;
  while (!(await test())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await pause(100);
  }
}
async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`never: ${what}`)), DEADLINE_MS); });
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
}

// meshadm as the administrator; what it answers.
export async function admin(...words) {
  const token = readFileSync(join(LAB, 'server', 'admin.token'), 'utf8').trim();
  const env = { ...process.env, KERNMESH_SERVER: ADDRESS, KERNMESH_TOKEN: token };
  const { stdout } = await promisify(execFile)(join(BIN, 'meshadm'), ['--json', ...words], { env });
  return JSON.parse(stdout);
}

// A way to the server on which its words take so long.
export async function slowWay(port, ms) {
  const sockets = new Set();
  const listener = createServer((socket) => {
    const server = connect(8443, '10.77.9.2');
    socket.pipe(server);
    server.on('data', (data) => setTimeout(() => { if (!socket.destroyed) socket.write(data); }, ms));
    for (const [end, other] of [[socket, server], [server, socket]]) {
      sockets.add(end);
      end.on('error', () => {});
      end.on('close', () => setTimeout(() => other.destroy(), end === server ? ms : 0));
    }
  });
  await new Promise((resolve) => listener.listen(port, '10.77.9.2', resolve));
  return {
    address: `10.77.9.2:${port}`,
    close: () => { listener.close(); for (const socket of sockets) socket.destroy(); },
  };
}

export class Server {
  address = ADDRESS;

  async start(...flags) {
    mkdirSync(join(LAB, 'server'), { recursive: true, mode: 0o700 });
    this.child = spawn(join(BIN, 'mesh-server'), ['--listen', ADDRESS, '--http-listen', '', '--state-dir', join(LAB, 'server'),
      '--log-level', 'trace', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => this.child.on('exit', resolve));
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => appendFileSync(join(LAB, 'server.log'), data));
    await until('the server answers', () => new Promise((resolve) => {
      if (this.child.exitCode !== null) throw new Error(`the server has ended: ${readFileSync(join(LAB, 'server.log'), 'utf8')}`);
      const socket = connect(8443, '10.77.9.2', () => { socket.end(); resolve(true); });
      socket.on('error', () => resolve(false));
    }));
  }

  async stop() {
    if (!this.child) return;
    this.child.kill('SIGTERM');
    await this.ended;
    this.child = undefined;
  }

  async restart(...flags) { await this.stop(); await this.start(...flags); }

  // As it prints it at its first start: SHA-256 of its authority.
  fingerprint() {
    const authority = new X509Certificate(readFileSync(join(LAB, 'server', 'ca.crt')));
    return createHash('sha256').update(authority.raw).digest('hex');
  }
}

// A `meshadm up --json` under way.
class Up {
  constructor(command, words) {
    this.child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.err = '';
    this.child.stderr.on('data', (data) => { this.err += data; });
    this.exited = new Promise((resolve) => this.child.on('close', resolve));
    this.waiting = [];
    this.text = '';
    createInterface({ input: this.child.stdout }).on('line', (line) => this.take(line));
  }

  // Objects may have many lines: each ends with the line that makes it whole.
  take(line) {
    this.text += `${line}\n`;
    let said;
    try { said = JSON.parse(this.text); } catch { return; }
    this.text = '';
    if (said.sign_in) this.waiting.push(said.sign_in); else this.answer = said;
  }

  async invitation() {
    await until(`an invitation (${this.err})`, () => {
      if (this.child.exitCode !== null && this.waiting.length === 0) throw new Error(`up has ended: ${this.err}`);
      return this.waiting.length > 0;
    });
    return this.waiting.shift();
  }

  async end() {
    const status = await within('up ends', this.exited);
    return { status, answer: this.answer, error: this.err ? JSON.parse(this.err).error : undefined };
  }

  async interrupt() {
    this.child.kill('SIGINT');
    return this.end();
  }
}

// The same for people: script(1) gives it a terminal.
class Terminal {
  constructor(command) {
    this.shown = '';
    this.child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm' } });
    this.child.stdout.on('data', (data) => { this.shown += data; });
  }

  // Without colours.
  plain() { return this.shown.replaceAll(/\x1b\[[0-9;]*m|\r/g, ''); }

  until(words) { return until(words, () => this.plain().includes(words)); }
}

export class Machine {
  constructor(name) {
    this.call = ['nsenter', `--net=/run/netns/${LAB_PREFIX}${name}`, join(BIN, 'meshadm'), '--socket', join(LAB, `${name}.sock`)];
  }

  async run(...words) {
    const [command, ...rest] = this.call;
    const { stdout } = await promisify(execFile)(command, [...rest, '--json', ...words]);
    return JSON.parse(stdout);
  }

  status() { return this.run('status'); }

  up(...flags) {
    const [command, ...rest] = this.call;
    return new Up(command, [...rest, '--json', 'up', ...flags]);
  }

  upOnTerminal(...flags) { return new Terminal([...this.call, 'up', ...flags].join(' ')); }
}
