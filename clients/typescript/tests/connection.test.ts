import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";

import { createPlainClient } from "../src/plain.js";
import { NEW, OLD, Storage, tab } from "./session.js";

const params = { path: { user_id: "alice" } };

/** A server behind a socket, for as long as the test takes. */
async function listening(test: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("over a real connection", () => {
  it("an abort ends the reading of an error that doesn't end", async (test) => {
    const abort = new AbortController();
    const reason = new Error("The page was left");
    const baseUrl = await listening(test, (_, response) => {
      response.writeHead(503, { "Content-Type": "application/json" }).write('{"detail": ');
    });
    const fetch = async (request: Request) => {
      const answer = await globalThis.fetch(request);
      setImmediate(() => abort.abort(reason));
      return answer;
    };
    const client = createPlainClient({ baseUrl, fetch });

    const call = client.GET("/api/{user_id}/tasks", { params, signal: abort.signal });

    await assert.rejects(call, reason);
  });

  it("a server that cuts its answer, or isn't there, is a NetworkError", async (test) => {
    const baseUrl = await listening(test, (_, response) => {
      response.writeHead(200, { "Content-Type": "application/json" }).write('{"tasks": ');
      setImmediate(() => response.destroy());
    });

    for (const address of [baseUrl, "http://127.0.0.1:1"]) {
      const call = createPlainClient({ baseUrl: address }).GET("/api/{user_id}/tasks", { params });

      await assert.rejects(call, { name: "NetworkError" });
    }
  });

  it("a hundred calls may share a signal, and none of them warns", async (test) => {
    const baseUrl = await listening(test, (_, response) => {
      response.writeHead(200, { "Content-Type": "application/json" }).end('{"tasks": []}');
    });
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on("warning", warned);
    test.after(() => process.off("warning", warned));
    const client = createPlainClient({ baseUrl, getToken: () => "a" });
    const { signal } = new AbortController();

    const call = () => client.GET("/api/{user_id}/tasks", { params, signal });
    await Promise.all(Array.from({ length: 100 }, call));
    await new Promise(setImmediate);

    const leaks = warnings.filter(({ name }) => name === "MaxListenersExceededWarning");
    assert.deepEqual(leaks, []);
  });

  it("a refresh that the server never answers ends, and the next call is served", async (test) => {
    let hangs = true;
    const baseUrl = await listening(test, ({ url, headers }, response) => {
      const refreshes = url === "/api/auth/refresh";
      if (refreshes && hangs) return;
      const status = refreshes || headers.authorization === "Bearer new" ? 200 : 401;
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(refreshes ? NEW : []));
    });
    const storage = new Storage(OLD);
    const client = tab({ fetch: globalThis.fetch }, storage, { baseUrl, timeoutSeconds: 1 });
    await assert.rejects(client.GET("/api/tasks"), { name: "NetworkError" });
    hangs = false;

    const served = await client.GET("/api/tasks");

    assert.deepEqual(served.data, []);
    assert.deepEqual(storage.saved, [NEW]);
  });
});
