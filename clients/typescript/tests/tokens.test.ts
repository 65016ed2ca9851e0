import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createAccountsClient } from "../src/accounts.js";
import { ApiError, createApiClient } from "../src/envelope.js";
import type { TokenProvider, TokenRequest } from "../src/envelope.js";
import { createPlainClient } from "../src/plain.js";
import { json, one, refused, Server } from "./server.js";

const baseUrl = "http://backend";

/** Gives these tokens in turn, and keeps what it was asked for. */
function giving(...tokens: string[]) {
  const asked: Omit<TokenRequest, "signal">[] = [];
  const getToken: TokenProvider = async ({ fresh, refused }) => {
    asked.push({ fresh, refused });
    return tokens.shift();
  };
  return { asked, getToken };
}

function api(server: Server, getToken: TokenProvider) {
  return createApiClient({ baseUrl, getToken, fetch: server.fetch });
}

describe("getToken", () => {
  it("is asked for each call", async () => {
    const server = new Server(one(), one());
    const { asked, getToken } = giving("first", "second");

    await api(server, getToken).getTask("alice", 7);
    await api(server, getToken).getTask("alice", 7);

    assert.deepEqual(server.tokens, ["Bearer first", "Bearer second"]);
    assert.deepEqual(asked, Array(2).fill({ fresh: false, refused: undefined }));
  });

  for (const none of [undefined, null, ""]) {
    it(`may give ${JSON.stringify(none)}, and the server says what no token means`, async () => {
      const server = new Server(refused("AUTH_MISSING_HEADER"));
      const asked: TokenRequest[] = [];
      const getToken: TokenProvider = (wanted) => (asked.push(wanted), none);

      await assert.rejects(api(server, getToken).getTask("alice", 7), ApiError);

      assert.deepEqual(server.tokens, [null]);
      assert.deepEqual(asked.map(({ refused }) => refused), [undefined, undefined]);
    });
  }

  it("may fail in its own words", async () => {
    const server = new Server(refused());
    const sorry = new Error("The session has ended");

    const call = api(server, ({ fresh }) => (fresh ? Promise.reject(sorry) : "old"));

    await assert.rejects(call.getTask("alice", 7), sorry);
    assert.equal(server.received.length, 1);
  });

  it("isn't asked where nobody needs a token", async () => {
    const pair = { access_token: "a", refresh_token: "r", token_type: "bearer", expires_in: 900 };
    const server = new Server(json(200, pair), json(401, { detail: "Wrong email or password" }));
    const getToken = () => assert.fail("asked");
    const client = createAccountsClient({ baseUrl, getToken, fetch: server.fetch });

    await client.POST("/api/auth/refresh", { body: { refresh_token: "r" } });
    const body = { email: "ann@example.com", password: "three green parrots" };
    await assert.rejects(client.POST("/api/auth/signin", { body }), ApiError);

    assert.deepEqual(server.tokens, [null, null]);
  });

  it("isn't asked for a call that brings its own", async () => {
    const server = new Server(refused());
    const getToken = () => assert.fail("asked");
    const client = createAccountsClient({ baseUrl, getToken, fetch: server.fetch });

    const headers = { Authorization: "Bearer own" };
    await assert.rejects(client.POST("/api/auth/signout", { headers }), ApiError);

    assert.deepEqual(server.tokens, ["Bearer own"]);
  });
});

describe("a refused token", () => {
  it("is replaced, and the same request goes out again", async () => {
    const server = new Server(refused(), one());
    const { asked, getToken } = giving("old", "new");

    const { data } = await api(server, getToken).createTask("alice", { title: "Buy milk" });

    assert.equal(data.id, 7);
    assert.deepEqual(server.tokens, ["Bearer old", "Bearer new"]);
    assert.deepEqual(asked[1], { fresh: true, refused: "old" });
    const [first, second] = server.received;
    assert.equal(first?.body, '{"title":"Buy milk"}');
    assert.equal(second?.body, first?.body);
    assert.ok(first?.headers.get("Idempotency-Key"));
    for (const name of ["Idempotency-Key", "Content-Type"]) {
      assert.equal(second?.headers.get(name), first?.headers.get(name));
    }
  });

  it("is replaced once", async () => {
    const server = new Server(refused(), refused("AUTH_INVALID_TOKEN"), one());
    const { asked, getToken } = giving("old", "new", "newest");

    const call = api(server, getToken).getTask("alice", 7);

    await assert.rejects(call, { name: "ApiError", status: 401, code: "AUTH_INVALID_TOKEN" });
    assert.equal(server.received.length, 2);
    assert.equal(asked.length, 2);
  });

  it("isn't sent again where there is no other", async () => {
    for (const other of ["old", undefined, null, ""]) {
      const server = new Server(refused());

      const call = api(server, ({ fresh }) => (fresh ? other : "old")).getTask("alice", 7);

      await assert.rejects(call, { status: 401, code: "AUTH_EXPIRED_TOKEN" });
      assert.equal(server.received.length, 1);
    }
  });

  it("is replaced in every contract, and each create keeps its key", async () => {
    const server = new Server(json(401, { detail: "…", code: "UNAUTHORIZED" }), json(201, {}));
    const { getToken } = giving("old", "new");
    const client = createPlainClient({ baseUrl, getToken, fetch: server.fetch });

    const params = { path: { user_id: "alice" } };
    await client.POST("/api/{user_id}/tasks", { params, body: { title: "Buy milk" } });

    const keys = server.received.map(({ headers }) => headers.get("Idempotency-Key"));
    assert.deepEqual(server.tokens, ["Bearer old", "Bearer new"]);
    assert.ok(keys[0]);
    assert.equal(keys[0], keys[1]);
  });

  it("is the only thing that is tried again", async () => {
    for (const status of [403, 409, 429, 500, 503]) {
      const server = new Server(json(status, {}, { "Retry-After": "0" }), one());

      const call = api(server, giving("old", "new").getToken).getTask("alice", 7);

      await assert.rejects(call, { name: "ApiError", status });
      assert.equal(server.received.length, 1);
    }
  });
});
