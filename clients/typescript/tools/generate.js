// Writes src/generated from the documents that the backend promises: `npm run generate`.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { argv, cwd } from "node:process";
import { pathToFileURL } from "node:url";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

export const CONTRACTS = /** @type {const} */ (["envelope", "plain", "rich", "accounts"]);

// npm runs every script in the package's folder, so the compiled tests find the files as well.
const DOCUMENTS = path.join(cwd(), "../../backend/tests/data");
const TYPES = path.join(cwd(), "src/generated");

/** @param {string} contract */
export async function documentOf(contract) {
  return JSON.parse(await readFile(path.join(DOCUMENTS, `openapi-${contract}.json`), "utf8"));
}

/** @param {string} contract */
export const fileOf = (contract) => path.join(TYPES, `${contract}.ts`);

/**
 * Make the types of a contract.
 * @param {string} contract
 */
export async function typesOf(contract) {
  const document = JSON.parse(JSON.stringify(await documentOf(contract)), (_, value) =>
    // The generator takes an alternative that names a format, but no type, for anything at all.
    typeof value?.format === "string" && !value.type ? { type: "string", ...value } : value,
  );
  // What has a default may be left out of a request.
  return COMMENT_HEADER + astToString(await openapiTS(document, { defaultNonNullable: false }));
}

if (argv[1] && pathToFileURL(argv[1]).href === import.meta.url) {
  for (const contract of CONTRACTS) {
    await writeFile(fileOf(contract), await typesOf(contract));
    console.log(path.relative(cwd(), fileOf(contract)));
  }
}
