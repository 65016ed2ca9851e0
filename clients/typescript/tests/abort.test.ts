import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createApiClient } from "../src/envelope.js";
import type { ApiClient, CallOptions } from "../src/envelope.js";
import { createPlainClient } from "../src/plain.js";
import { never, refused, Server } from "./server.js";

const baseUrl = "http://backend";
const CALLS: Record<keyof ApiClient, (api: ApiClient, options: CallOptions) => Promise<unknown>> = {
  getTasks: (api, options) => api.getTasks("alice", {}, options),
  createTask: (api, options) => api.createTask("alice", { title: "Buy milk" }, options),
  getTask: (api, options) => api.getTask("alice", 7, options),
  updateTask: (api, options) => api.updateTask("alice", 7, { title: "Buy milk" }, options),
  deleteTask: (api, options) => api.deleteTask("alice", 7, options),
  updateTaskCompletion: (api, options) => api.updateTaskCompletion("alice", 7, true, options),
};

/** A body that breaks off when it is read, in words of its own as in some browsers. */
const breaking = (abort: () => void) => {
  const pull = (controller: ReadableStreamDefaultController) => {
    abort();
    controller.error(new DOMException("BodyStreamBuffer was aborted", "AbortError"));
  };
  // Nothing is pulled before somebody reads.
  return new ReadableStream({ pull }, { highWaterMark: 0 });
};
const hanging = () => new Promise<string>(() => {});

describe("an abort", () => {
  for (const [name, call] of Object.entries(CALLS)) {
    it(`ends ${name} with its reason`, async () => {
      const abort = new AbortController();
      const reason = new Error("The page was left");
      const server = new Server((request) => (abort.abort(reason), never(request)));
      const api = createApiClient({ baseUrl, getToken: () => "a", fetch: server.fetch });

      await assert.rejects(call(api, { signal: abort.signal }), reason);

      assert.equal(server.received.length, 1);
    });
  }

  it("before the call sends nothing and asks for no token", async () => {
    const server = new Server();
    const getToken = () => assert.fail("asked");
    const api = createApiClient({ baseUrl, getToken, fetch: server.fetch });

    const call = api.getTask("alice", 7, { signal: AbortSignal.abort() });

    await assert.rejects(call, { name: "AbortError" });
    assert.deepEqual(server.received, []);
  });

  it("doesn't wait for a token, and the provider hears of it", async () => {
    const abort = new AbortController();
    const server = new Server();
    const heard: AbortSignal[] = [];
    const getToken = async ({ signal }: { signal: AbortSignal }) => {
      heard.push(signal);
      abort.abort();
      return hanging();
    };
    const api = createApiClient({ baseUrl, getToken, fetch: server.fetch });

    await assert.rejects(api.getTask("alice", 7, { signal: abort.signal }), { name: "AbortError" });

    assert.equal(heard[0]?.aborted, true);
    assert.deepEqual(server.received, []);
  });

  it("doesn't wait for a fresh token", async () => {
    const abort = new AbortController();
    const server = new Server(refused());
    const getToken = async ({ fresh }: { fresh: boolean }) => {
      if (!fresh) return "old";
      abort.abort();
      return hanging();
    };
    const api = createApiClient({ baseUrl, getToken, fetch: server.fetch });

    await assert.rejects(api.getTask("alice", 7, { signal: abort.signal }), { name: "AbortError" });

    assert.equal(server.received.length, 1);
  });

  it("ends the reading of a long answer", async () => {
    const abort = new AbortController();
    const reason = new Error("The page was left");
    const server = new Server(new Response(breaking(() => abort.abort(reason))));
    const client = createPlainClient({ baseUrl, fetch: server.fetch });

    const params = { path: { user_id: "alice" } };
    const call = client.GET("/api/{user_id}/tasks", { params, signal: abort.signal });

    await assert.rejects(call, reason);
    assert.equal(server.received.length, 1);
  });

  it("ends the reading of an error", async () => {
    for (const status of [401, 404, 503]) {
      const abort = new AbortController();
      const reason = new Error("The page was left");
      const body = breaking(() => abort.abort(reason));
      const server = new Server(new Response(body, { status }));
      const api = createApiClient({ baseUrl, getToken: () => "a", fetch: server.fetch });

      await assert.rejects(api.getTask("alice", 7, { signal: abort.signal }), reason);

      assert.equal(server.received.length, 1);
    }
  });

  it("ends a call even if whoever sends doesn't look", async () => {
    const abort = new AbortController();
    const server = new Server(() => (abort.abort(), new Promise(() => {})));
    const api = createApiClient({ baseUrl, fetch: server.fetch });

    await assert.rejects(api.getTask("alice", 7, { signal: abort.signal }), { name: "AbortError" });
  });

  it("sends nothing with a token that comes later", async () => {
    const abort = new AbortController();
    const server = new Server();
    let give = (_: string) => {};
    const getToken = () => {
      abort.abort();
      return new Promise<string>((resolve) => (give = resolve));
    };
    const api = createApiClient({ baseUrl, getToken, fetch: server.fetch });
    await assert.rejects(api.getTask("alice", 7, { signal: abort.signal }), { name: "AbortError" });

    give("late");
    await new Promise(setImmediate);

    assert.deepEqual(server.received, []);
  });

  it("by a timeout is a TimeoutError", async () => {
    const api = createApiClient({ baseUrl, fetch: new Server(never).fetch });

    const call = api.getTask("alice", 7, { signal: AbortSignal.timeout(1) });

    await assert.rejects(call, { name: "TimeoutError" });
  });
});
