import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

import { createAccountsClient } from "../src/accounts.js";
import { createEnvelopeClient } from "../src/envelope.js";
import { createPlainClient } from "../src/plain.js";
import { createRichClient } from "../src/rich.js";
import { CONTRACTS, documentOf, fileOf, typesOf } from "../tools/generate.js";
import { json, Server } from "./server.js";

const MAKERS = {
  envelope: createEnvelopeClient,
  plain: createPlainClient,
  rich: createRichClient,
  accounts: createAccountsClient,
};
type Anything = (path: string, init: unknown) => Promise<unknown>;

for (const contract of CONTRACTS) {
  describe(contract, () => {
    it("has the types of the backend's document (npm run generate renews them)", async () => {
      const types = await typesOf(contract);

      assert.equal(await readFile(fileOf(contract), "utf8"), types);
    });

    it("sends a token with what the document says is not open", async () => {
      const { paths } = await documentOf(contract);
      const wrong = [];

      for (const [path, item] of Object.entries<Record<string, { security?: unknown[] }>>(paths)) {
        for (const [method, operation] of Object.entries(item)) {
          const server = new Server(json(200, {}));
          const options = { baseUrl: "http://backend", getToken: () => "t", fetch: server.fetch };
          const client = MAKERS[contract](options) as unknown as Record<string, Anything>;
          const params = { path: { user_id: "alice", id: 7, task_id: 7 } };
          await client[method.toUpperCase()]?.(path, { params });

          const isOpen = operation.security?.length === 0;
          if ((server.tokens[0] === null) !== isOpen) wrong.push(`${method} ${path}`);
        }
      }

      assert.deepEqual(wrong, []);
    });
  });
}
