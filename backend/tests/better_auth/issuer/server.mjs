// A real Better Auth application for tests: email + password, jwt() and bearer().
// Its environment says how it is configured (tests/better_auth/application.py); PORT may be 0.
import http from "node:http";
import { betterAuth } from "better-auth";
import { signJWT } from "better-auth/crypto";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, jwt } from "better-auth/plugins";
import pg from "pg";

const LOCAL_ORIGIN = /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/;

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

function choice(name, ...allowed) {
  const value = process.env[name] || allowed[0];
  if (!allowed.includes(value)) {
    throw new Error(`${name}=${value}: expected one of ${allowed.join(", ")}`);
  }
  return value;
}

const config = {
  port: Number(process.env.PORT || 0),
  databaseUrl: required("DATABASE_URL"),
  secret: required("BETTER_AUTH_SECRET"),
  tokenMode: choice("TOKEN_MODE", "jwks", "hs256"),
  claims: choice("CLAIMS", "sub", "user_id"), // hs256 only
  keyAlg: choice("KEY_ALG", "EdDSA", "ES256", "ES512", "PS256", "RS256"), // jwks only
  cookieCache: choice("COOKIE_CACHE", "off", "compact", "jwt", "jwe", "jwks"),
  ids: choice("IDS", "text", "uuid", "serial"),
  baseUrl: process.env.BASE_URL, // where others find it, if not where it listens
  tokenSeconds: Number(process.env.TOKEN_SECONDS || 0), // 0: what Better Auth takes by itself
};
if (config.tokenMode === "hs256" && config.cookieCache === "jwks") {
  throw new Error("COOKIE_CACHE=jwks needs TOKEN_MODE=jwks");
}

function signWithSharedSecret({ sub, email, name }) {
  const payload = config.claims === "sub" ? { sub, email, name } : { user_id: sub, email };
  return signJWT(payload, config.secret, config.tokenSeconds || 900); // HS256; adds iat and exp
}

function jwtPlugin(baseURL) {
  const keyPairConfig = { alg: config.keyAlg };
  if (config.tokenMode === "jwks") {
    return jwt({
      jwks: { keyPairConfig },
      jwt: config.tokenSeconds ? { expirationTime: `${config.tokenSeconds}s` } : {},
      sessionCookieCache: config.cookieCache === "jwks",
    });
  }
  // Better Auth manages asymmetric keys only. A custom signer takes their place; it
  // must come with a remoteUrl and an alg, which serve discovery and not signing.
  return jwt({
    jwks: { remoteUrl: `${baseURL}/none`, keyPairConfig },
    jwt: { sign: signWithSharedSecret },
  });
}

function cookieCacheOptions() {
  if (config.cookieCache === "off") return undefined;
  return { enabled: true, strategy: config.cookieCache === "jwks" ? "jwt" : config.cookieCache };
}

function authOptions(baseURL, database) {
  return {
    baseURL,
    database,
    secret: config.secret,
    emailAndPassword: { enabled: true },
    emailVerification: {
      sendVerificationEmail: async ({ token }) => {
        verificationToken = token;
      },
    },
    advanced: config.ids === "text" ? {} : { database: { generateId: config.ids } },
    session: { cookieCache: cookieCacheOptions() },
    trustedOrigins: ["http://localhost:*", "http://127.0.0.1:*"],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [jwtPlugin(baseURL), bearer()],
  };
}

function allowLocalOrigins(request, response) {
  const { origin } = request.headers;
  if (!LOCAL_ORIGIN.test(origin)) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  response.setHeader("Access-Control-Allow-Headers", "authorization, content-type");
  response.setHeader("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.setHeader("Vary", "Origin");
}

const pool = new pg.Pool({ connectionString: config.databaseUrl, max: 4 });
let verificationToken = "";
let handle = (_request, response) => response.writeHead(503).end();

const server = http.createServer((request, response) => {
  allowLocalOrigins(request, response);
  if (request.method === "OPTIONS") response.writeHead(204).end();
  else if (request.url === "/verification-token") response.end(verificationToken); // the e-mail
  else handle(request, response);
});

async function stop() {
  server.close();
  server.closeAllConnections();
  process.stdin.destroy();
  await pool.end();
}
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
process.stdin.once("end", stop).resume(); // whoever started this one has gone

// Listening comes first so that PORT=0 works: iss and aud hold the real port.
server.listen(config.port, "127.0.0.1", async () => {
  try {
    const address = `http://127.0.0.1:${server.address().port}`;
    const options = authOptions(config.baseUrl || address, pool);
    const { runMigrations } = await getMigrations(options);
    await runMigrations();
    handle = toNodeHandler(betterAuth(options));
    console.log(`READY ${address} token=${config.tokenMode} cookie-cache=${config.cookieCache}`);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
    await stop();
  }
});
