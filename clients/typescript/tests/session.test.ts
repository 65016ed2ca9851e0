import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createAccountsClient, refreshingTokens } from "../src/accounts.js";
import { json, Server } from "./server.js";
import { baseUrl, expired, locksIn, NEW, OLD, Storage, tab, tasks } from "./session.js";

const ended = () => json(401, { detail: "The refresh token is not valid" });

describe("refreshingTokens", () => {
  it("trades the refresh token when the access token is refused", async () => {
    const server = new Server(expired(), json(200, NEW), tasks());
    const storage = new Storage(OLD);

    await tab(server, storage).GET("/api/tasks");

    assert.deepEqual(server.tokens, ["Bearer old", null, "Bearer new"]);
    assert.equal(server.received[1]?.body, '{"refresh_token":"once"}');
    assert.deepEqual(storage.saved, [NEW]);
  });

  it("refreshes once for all calls that wait", async () => {
    const server = new Server(expired(), expired(), json(200, NEW), tasks(), tasks());
    const client = tab(server, new Storage(OLD));

    await Promise.all([client.GET("/api/tasks"), client.GET("/api/tasks")]);

    const refreshes = server.received.filter(({ url }) => url.endsWith("/refresh"));
    assert.equal(refreshes.length, 1);
    assert.deepEqual(server.tokens.slice(3), ["Bearer new", "Bearer new"]);
  });

  it("takes the tokens that another tab has got", async () => {
    const storage = new Storage(OLD);
    const server = new Server(async () => {
      storage.tokens = NEW;
      return expired();
    }, tasks());

    await tab(server, storage).GET("/api/tasks");

    assert.deepEqual(server.tokens, ["Bearer old", "Bearer new"]);
    assert.deepEqual(storage.saved, []);
  });

  it("lets tabs refresh one after the other", async (test) => {
    const storage = new Storage(OLD);
    const server = new Server(expired(), expired(), json(200, NEW), tasks(), tasks());
    locksIn(test);

    await Promise.all([
      tab(server, storage).GET("/api/tasks"),
      tab(server, storage).GET("/api/tasks"),
    ]);

    assert.deepEqual(storage.saved, [NEW]);
  });

  it("asks again for an answer that was lost, once", async () => {
    const lost = () => new TypeError("fetch failed");
    const server = new Server(expired(), lost(), json(200, NEW), tasks());
    const storage = new Storage(OLD);

    await tab(server, storage).GET("/api/tasks");

    const sent = server.received.map(({ body }) => body);
    assert.equal(sent[1], sent[2]);
    assert.deepEqual(storage.saved, [NEW]);

    const away = new Server(expired(), lost(), lost());
    const kept = new Storage(OLD);
    await assert.rejects(tab(away, kept).GET("/api/tasks"), { name: "NetworkError" });
    assert.deepEqual(kept.saved, []);
  });

  it("forgets a session that has ended, and the call says 401", async () => {
    const server = new Server(expired(), ended());
    const storage = new Storage(OLD);

    const call = tab(server, storage).GET("/api/tasks");

    await assert.rejects(call, { status: 401, message: "The access token is not valid" });
    assert.deepEqual(storage.saved, [undefined]);
  });

  it("keeps the session while the server can't say", async () => {
    const away = json(503, { detail: "The database is away" }, { "Retry-After": "2" });
    const storage = new Storage(OLD);

    const call = tab(new Server(expired(), away), storage).GET("/api/tasks");

    await assert.rejects(call, { status: 503, retryAfterSeconds: 2 });
    assert.deepEqual(storage.saved, []);
  });

  for (const [name, answer] of Object.entries({ renewed: json(200, NEW), ended: ended() })) {
    it(`keeps who has signed in while the old session was ${name}`, async () => {
      const storage = new Storage(OLD);
      const other = { access_token: "other", refresh_token: "other's" };
      const server = new Server(
        expired(),
        async () => {
          storage.tokens = other;
          return answer;
        },
        tasks(),
      );

      await tab(server, storage).GET("/api/tasks");

      assert.deepEqual(storage.tokens, other);
      assert.deepEqual(storage.saved, []);
    });
  }

  it("has nothing to give while nobody is signed in", async () => {
    for (const nothing of [undefined, null as unknown as undefined]) {
      const server = new Server(expired());

      await assert.rejects(tab(server, new Storage(nothing)).GET("/api/tasks"), { status: 401 });

      assert.deepEqual(server.tokens, [null]);
    }
  });

  it("refreshes again when the next token expires", async () => {
    const newest = { ...NEW, access_token: "newest" };
    const server = new Server(expired(), json(200, NEW), tasks());
    const later = new Server(expired(), json(200, newest), tasks());
    const storage = new Storage(OLD);
    const fetches = [server.fetch, server.fetch, server.fetch];
    const fetch = (request: Request) => (fetches.shift() ?? later.fetch)(request);
    const { load, save } = storage;
    const getToken = refreshingTokens({ baseUrl, fetch, load, save });
    const client = createAccountsClient({ baseUrl, fetch, getToken });

    await client.GET("/api/tasks");
    await client.GET("/api/tasks");

    assert.deepEqual(later.tokens, ["Bearer new", null, "Bearer newest"]);
  });
});
