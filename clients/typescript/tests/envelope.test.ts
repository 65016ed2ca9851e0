import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createApiClient, forUser } from "../src/envelope.js";
import type { ApiClient } from "../src/envelope.js";
import { json, one, Server, TASK } from "./server.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LIST = { tasks: [TASK], total: 1, page: 1, limit: 20 };
const listed = () => json(200, { success: true, data: LIST, message: "…" }, { ETag: 'W/"e-9"' });
const deleted = () => json(200, { success: true, data: null, message: "…" });

function api(server: Server, baseUrl = "http://backend"): ApiClient {
  return createApiClient({ baseUrl, getToken: () => "a-token", fetch: server.fetch });
}

describe("ApiClient", () => {
  it("lists with the filters that are given", async () => {
    const server = new Server(listed(), listed());

    const all = await api(server).getTasks("alice");
    await api(server).getTasks("alice", { status: "pending", limit: 20, offset: 40 });

    assert.deepEqual(all, { success: true, data: LIST, message: "…", etag: 'W/"e-9"' });
    assert.deepEqual(
      server.received.map(({ method, url }) => `${method} ${url}`),
      [
        "GET http://backend/api/alice/tasks",
        "GET http://backend/api/alice/tasks?status=pending&limit=20&offset=40",
      ],
    );
  });

  it("sends each call as the contract has it", async () => {
    const server = new Server(one(), one(), one(), one(), deleted());
    const client = api(server);

    const created = await client.createTask("alice", { title: "Buy milk" });
    await client.getTask("alice", 7);
    await client.updateTask("alice", 7, { title: "Buy oat milk", description: null });
    await client.updateTaskCompletion("alice", 7, true);
    const gone = await client.deleteTask("alice", 7);

    assert.deepEqual(created, { success: true, data: TASK, message: "…", etag: '"e-1"' });
    assert.deepEqual(gone, { success: true, data: null, message: "…" });
    assert.deepEqual(
      server.received.map(({ method, url, body }) => [method, url.slice(14), body]),
      [
        ["POST", "/api/alice/tasks", '{"title":"Buy milk"}'],
        ["GET", "/api/alice/tasks/7", ""],
        ["PUT", "/api/alice/tasks/7", '{"title":"Buy oat milk","description":null}'],
        ["PATCH", "/api/alice/tasks/7/complete", '{"completed":true}'],
        ["DELETE", "/api/alice/tasks/7", ""],
      ],
    );
    const types = server.received.map(({ headers }) => headers.get("Content-Type"));
    const json = "application/json";
    assert.deepEqual(types, [json, null, json, json, null]);
    assert.deepEqual(new Set(server.tokens), new Set(["Bearer a-token"]));
  });

  it("names every new task with a key of its own, or the caller's", async () => {
    const server = new Server(one(), one(), one());
    const client = api(server);

    await client.createTask("alice", { title: "Buy milk" });
    await client.createTask("alice", { title: "Buy milk" });
    await client.createTask("alice", { title: "Buy milk" }, { idempotencyKey: "form-1" });

    const [first, second, third] = server.received.map(({ headers }) =>
      headers.get("Idempotency-Key"),
    );
    assert.match(String(first), UUID);
    assert.match(String(second), UUID);
    assert.notEqual(first, second);
    assert.equal(third, "form-1");
  });

  it("changes a task at one version only when asked to", async () => {
    const server = new Server(one(), one(), deleted(), one());
    const client = api(server);

    await client.updateTask("alice", 7, { title: "Buy milk" }, { ifMatch: '"e-1"' });
    await client.updateTaskCompletion("alice", 7, true, { ifMatch: '"e-2"' });
    await client.deleteTask("alice", 7, { ifMatch: '"e-3"' });
    await client.updateTask("alice", 7, { title: "Buy milk" });

    const versions = server.received.map(({ headers }) => headers.get("If-Match"));
    assert.deepEqual(versions, ['"e-1"', '"e-2"', '"e-3"', null]);
  });

  it("doesn't change a task blindly when its version was lost on the way", async () => {
    const server = new Server(json(200, { success: true, data: TASK, message: "…" }));
    const client = api(server);

    const { etag } = await client.getTask("alice", 7);

    assert.equal(etag, null);
    const change = client.updateTask("alice", 7, { title: "Buy milk" }, { ifMatch: etag });
    await assert.rejects(change, TypeError);
    await assert.rejects(client.deleteTask("alice", 7, { ifMatch: etag }), TypeError);
    assert.equal(server.received.length, 1);
  });
});

describe("forUser", () => {
  it("names the user once", async () => {
    const server = new Server(listed(), one(), one(), one(), one(), deleted());
    const tasks = forUser(api(server), "alice");

    await tasks.getTasks({ limit: 20 });
    await tasks.createTask({ title: "Buy milk" }, { idempotencyKey: "form-1" });
    await tasks.getTask(7);
    await tasks.updateTask(7, { title: "Buy milk" }, { ifMatch: '"e-1"' });
    await tasks.updateTaskCompletion(7, false);
    await tasks.deleteTask(7);

    assert.deepEqual(
      server.received.map(({ method, url }) => `${method} ${url.slice(14)}`),
      [
        "GET /api/alice/tasks?limit=20",
        "POST /api/alice/tasks",
        "GET /api/alice/tasks/7",
        "PUT /api/alice/tasks/7",
        "PATCH /api/alice/tasks/7/complete",
        "DELETE /api/alice/tasks/7",
      ],
    );
    assert.equal(server.received[1]?.headers.get("Idempotency-Key"), "form-1");
    assert.equal(server.received[3]?.headers.get("If-Match"), '"e-1"');
  });

  it("asks for the user with each call", async () => {
    const server = new Server(one(), one());
    const users = ["alice", "bob"];
    const tasks = forUser(api(server), async () => users.shift() ?? "");

    await tasks.getTask(7);
    await tasks.getTask(7);

    const asked = server.received.map(({ url }) => url.slice(14));
    assert.deepEqual(asked, ["/api/alice/tasks/7", "/api/bob/tasks/7"]);
  });
});

describe("addresses", () => {
  for (const [baseUrl, start] of [
    ["http://backend", "http://backend/api"],
    ["http://backend/", "http://backend/api"],
    ["https://example.test/todo//", "https://example.test/todo/api"],
  ] as const) {
    it(`of the backend may be ${baseUrl}`, async () => {
      const server = new Server(one());

      await api(server, baseUrl).getTask("alice", 7);

      assert.equal(server.received[0]?.url, `${start}/alice/tasks/7`);
    });
  }

  for (const user of ["a/b?c#d%20", "Ä 😀", "..%2f", "a;b,c=d", "...", "auth0|5f7c"]) {
    it(`keep the user ${user} in one segment`, async () => {
      const server = new Server(one());

      await api(server).getTask(user, 7);

      const segments = new URL(server.received[0]?.url ?? "").pathname.split("/");
      assert.equal(segments.length, 5);
      assert.equal(decodeURIComponent(segments[2] ?? ""), user);
    });
  }

  for (const user of ["", ".", "..", undefined, null]) {
    it(`don't lead elsewhere for the user ${JSON.stringify(user)}`, async () => {
      const server = new Server();

      await assert.rejects(api(server).getTask(user as string, 7), TypeError);

      assert.deepEqual(server.received, []);
    });
  }
});
