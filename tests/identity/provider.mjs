// SPDX-License-Identifier: Apache-2.0
// A real OpenID provider (npm's oidc-provider) on loopback: PKCE required, device flow, groups, keys that can be
// rotated under it, and people who are renamed or deleted. It remembers every secret that it gives out, so that logs can be
// searched for them.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Provider } from 'oidc-provider';

const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

function makeKey(algorithm) {
  const [kind, options] = KINDS[algorithm];
  const key = generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' });
  return { ...key, kid: randomUUID(), use: 'sig', alg: algorithm };
}

// The provider's cookies are signed with keys of its own, which stay when its JWKS is rotated.
const cookieKeys = [randomUUID()];

export class TestProvider {
  // `tls`: { key, cert } in PEM; without it in the clear.
  constructor(tls) {
    this.people = new Map([
      ['ann', { name: 'Ann Example', email: 'ann@example.org', email_verified: true, groups: ['dev', 'ops'] }],
      ['bob', { name: 'Bob <b>Bold</b>', email: 'bob@example.org', email_verified: false, groups: [] }],
      ['eve', { name: 'Eve', email: 'eve@evil.example', email_verified: true, groups: ['dev'] }],
    ]);
    this.secrets = new Set();
    this.asked = new Map(); // path -> how often
    this.calls = new EventEmitter(); // of each path
    this.down = false;
    this.slow = 0; // ms before each answer
    this.clientSecret = randomUUID();
    this.secrets.add(this.clientSecret);
    const answer = (request, response) => this.answer(request, response);
    this.scheme = tls ? 'https' : 'http';
    this.server = tls ? createTlsServer(tls, answer) : createServer(answer);
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.issuer = `${this.scheme}://127.0.0.1:${this.server.address().port}`;
  }

  // Starts anew with a key of this algorithm alone: tokens of before are signed with one that is gone.
  rotate(algorithm, redirectUris) {
    this.redirectUris = redirectUris ?? this.redirectUris;
    const provider = new Provider(this.issuer, {
      clients: [{
        client_id: 'kernmesh',
        client_secret: this.clientSecret,
        redirect_uris: this.redirectUris,
        response_types: ['code'],
        grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
        id_token_signed_response_alg: algorithm,
        token_endpoint_auth_method: 'client_secret_basic',
      }],
      jwks: { keys: [makeKey(algorithm)] },
      enabledJWA: { idTokenSigningAlgValues: Object.keys(KINDS) },
      pkce: { required: () => true, methods: ['S256'] },
      features: { devInteractions: { enabled: true }, deviceFlow: { enabled: true } },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
      conformIdTokenClaims: false,
      cookies: { keys: cookieKeys },
      ttl: { IdToken: 60, AuthorizationCode: 60, DeviceCode: 600, AccessToken: 60, Grant: 600, Interaction: 600, Session: 600 },
      findAccount: (context, subject) => this.findAccount(subject),
    });
    for (const kind of ['authorization_code', 'access_token', 'device_code']) {
      provider.on(`${kind}.saved`, (token) => this.secrets.add(token.jti));
    }
    provider.use(async (context, next) => {
      await next();
      const token = context.body?.id_token;
      if (token) for (const part of [token, ...token.split('.').slice(1)]) this.secrets.add(part);
      if (context.body?.device_code) this.secrets.add(context.body.device_code);
    });
    this.handler = provider.callback();
  }

  findAccount(subject) {
    const person = this.people.get(subject);
    if (!person) return undefined;
    return { accountId: subject, claims: () => ({ sub: `id-of-${subject}`, ...person }) };
  }

  // The next time that somebody asks for this path.
  isAsked(path) { return once(this.calls, path); }

  answer(request, response) {
    const path = request.url.split('?')[0];
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    this.calls.emit(path);
    if (this.down) {
      response.writeHead(503).end();
      return;
    }
    if (this.slow > 0) {
      setTimeout(() => { if (!response.destroyed) this.handler(request, response); }, this.slow).unref();
      return;
    }
    this.handler(request, response);
  }
}
