import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { refreshingTokens } from "../src/accounts.js";
import { json, never, Server } from "./server.js";
import { baseUrl, expired, locksIn, NEW, OLD, Storage, tab, tasks } from "./session.js";

const tooLate = (error: Error) => {
  assert.equal(error.name, "NetworkError");
  assert.equal((error.cause as Error).name, "TimeoutError");
  return true;
};
const renewed = () => json(200, NEW);
const deaf = () => new Promise<Response>(() => {});

/** Refuses the old token, takes the new one, and answers refreshes as the test has lined up. */
function backend(...answers: ConstructorParameters<typeof Server>) {
  const refreshes = new Server(...answers);
  const fetch = async (request: Request) => {
    if (request.url.endsWith("/refresh")) return refreshes.fetch(request);
    return request.headers.get("Authorization") === "Bearer new" ? tasks() : expired();
  };
  return { refreshes, fetch };
}

describe("a refresh that hangs", () => {
  for (const [name, silence] of Object.entries({ "hears that": never, "doesn't hear it": deaf })) {
    it(`ends, if whoever sends ${name}, and the next call tries anew`, async () => {
      const server = backend(silence, silence, renewed(), renewed());
      const storage = new Storage(OLD);
      const client = tab(server, storage, { timeoutSeconds: 0.3 });

      await assert.rejects(client.GET("/api/tasks"), tooLate);
      assert.deepEqual(storage.saved, []);
      await client.GET("/api/tasks");

      assert.deepEqual(storage.saved, [NEW]);
    });
  }

  it("asks again with the same token while the server still takes it", async () => {
    const server = backend(never, renewed());
    const storage = new Storage(OLD);

    await tab(server, storage, { timeoutSeconds: 1 }).GET("/api/tasks");

    const bodies = server.refreshes.received.map(({ body }) => body);
    assert.deepEqual(bodies, Array(2).fill('{"refresh_token":"once"}'));
    assert.deepEqual(storage.saved, [NEW]);
  });

  it("goes on for the others when a call is aborted", async () => {
    const abort = new AbortController();
    const reason = new Error("The page was left");
    const server = backend((request) => (abort.abort(reason), never(request)), renewed());
    const client = tab(server, new Storage(OLD), { timeoutSeconds: 1 });

    const aborted = client.GET("/api/tasks", { signal: abort.signal });
    const waiting = client.GET("/api/tasks");

    await assert.rejects(aborted, reason);
    assert.deepEqual((await waiting).data, []);
    assert.equal(server.refreshes.received.length, 2);
  });

  it("doesn't block a later call once the first was aborted", async () => {
    const abort = new AbortController();
    const server = backend((request) => (abort.abort(), never(request)), renewed());
    const client = tab(server, new Storage(OLD), { timeoutSeconds: 1 });
    const first = client.GET("/api/tasks", { signal: abort.signal });
    await assert.rejects(first, { name: "AbortError" });

    const later = await client.GET("/api/tasks");

    assert.deepEqual(later.data, []);
  });

  it("lets go of the lock for other tabs", async (test) => {
    locksIn(test);
    const storage = new Storage(OLD);
    const stuck = tab(backend(deaf, deaf), storage, { timeoutSeconds: 0.3 });
    const other = tab(backend(renewed()), storage);

    const [failed, served] = await Promise.allSettled([
      stuck.GET("/api/tasks"),
      other.GET("/api/tasks"),
    ]);

    assert.ok(failed.status === "rejected" && tooLate(failed.reason));
    assert.equal(served.status, "fulfilled");
  });

  it("in another tab isn't waited for without end", async (test) => {
    const locks = locksIn(test);
    void locks.request("todo-backend session http://backend", {}, () => new Promise(() => {}));
    const server = backend();

    const call = tab(server, new Storage(OLD), { timeoutSeconds: 0.3 }).GET("/api/tasks");

    await assert.rejects(call, tooLate);
    assert.deepEqual(server.refreshes.received, []);
  });

  it("because nobody keeps the tokens ends as well", async () => {
    const { load } = new Storage(OLD);
    const save = () => new Promise<void>(() => {});
    const { fetch } = backend(renewed());
    const getToken = refreshingTokens({ baseUrl, fetch, load, save, timeoutSeconds: 0.3 });
    const { signal } = new AbortController();

    const call = getToken({ fresh: true, refused: "old", signal });

    await assert.rejects(async () => call, tooLate);
  });

  for (const timeoutSeconds of [0, -1, NaN, Infinity, 3601]) {
    it(`can't be given ${timeoutSeconds} s`, () => {
      const { load, save } = new Storage();

      assert.throws(() => refreshingTokens({ baseUrl, load, save, timeoutSeconds }), RangeError);
    });
  }
});
