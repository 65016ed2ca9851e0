// Serves the page's routes the way Next.js calls them: with a Request, for a Response.
import http from "node:http";

const ROUTES = {
  "/api/auth/": "./out/app/api/auth/[...all]/route.js",
  "/api/token": "./out/app/api/token/route.js",
};

async function answer(incoming, outgoing) {
  const path = Object.keys(ROUTES).find((start) => incoming.url.startsWith(start));
  const routes = path && (await import(ROUTES[path]));
  const chunks = await incoming.toArray();
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method,
    headers: incoming.headers,
    body: chunks.length ? Buffer.concat(chunks) : undefined,
  });
  const response = (await routes?.[incoming.method]?.(request)) ?? new Response(null, { status: 404 });
  outgoing.writeHead(response.status, [...response.headers].flat());
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

const server = http.createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => {
    console.error(error);
    outgoing.writeHead(500).end();
  });
});
// Whoever started this one has gone.
process.stdin.once("end", () => process.exit()).resume();

// Listening comes first: the settings hold the port.
server.listen(0, "127.0.0.1", async () => {
  const url = `http://localhost:${server.address().port}`;
  process.env.BETTER_AUTH_URL ||= url;
  const { register } = await import("./out/instrumentation.js");
  await register();
  console.log(`READY ${url}`);
});
