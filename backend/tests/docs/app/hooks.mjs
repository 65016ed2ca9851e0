// Lets Node find modules as Next.js does: "@/lib/auth" is lib/auth.js of what was compiled.
import { register } from "node:module";

const root = new URL("./out/", import.meta.url).href;
const resolve = `
export async function resolve(specifier, context, next) {
  const found = specifier.startsWith("@/") ? ${JSON.stringify(root)} + specifier.slice(2) + ".js" : specifier;
  return next(found, context);
}`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);
