// What a browser adds to `fetch`: where the page is, cookies, and CORS with its preflights.
const SIMPLE = ["GET", "HEAD", "POST"];
const ALWAYS_SHOWN = ["cache-control", "content-length", "content-type", "last-modified"];
const sent = globalThis.fetch;
const jar = new Map();

/**
 * Make `fetch` that of a page at `origin`. Cookies belong to a host and not to a port.
 *
 * What is asked of an address in `moved` is asked of the other one.
 */
export function openPage(origin, moved = {}) {
  const page = new URL(origin);
  const actual = (url) => Object.entries(moved).reduce((text, pair) => text.replace(...pair), url);
  globalThis.fetch = async (input, init) => {
    const request =
      input instanceof Request ? input : new Request(actual(new URL(input, page).href), init);
    const place = new URL(request.url);
    const isCross = place.origin !== page.origin;
    const withCookies = request.credentials === "include" || !isCross;
    const headers = new Headers(request.headers);
    if (isCross || !["GET", "HEAD"].includes(request.method)) headers.set("Origin", page.origin);
    // SameSite=Lax: nothing goes to another host in the background.
    if (withCookies && place.hostname === page.hostname && jar.size) {
      headers.set("Cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    if (isCross) await askFirst(request, page.origin, withCookies);
    const answer = await sent(new Request(request, { headers }));
    if (place.hostname === page.hostname && withCookies) keep(answer.headers.getSetCookie());
    return isCross ? seen(answer, page.origin, withCookies) : answer;
  };
}

export function cookies() {
  return Object.fromEntries(jar);
}

function keep(lines) {
  for (const line of lines) {
    const [pair, ...attributes] = line.split("; ");
    const at = pair.indexOf("=");
    if (attributes.some((each) => each.toLowerCase() === "max-age=0")) jar.delete(pair.slice(0, at));
    else jar.set(pair.slice(0, at), pair.slice(at + 1));
  }
}

function allowed(answer, origin, withCookies) {
  const { headers } = answer;
  const isCookieAllowed = headers.get("Access-Control-Allow-Credentials") === "true";
  if (headers.get("Access-Control-Allow-Origin") !== origin || (withCookies && !isCookieAllowed)) {
    throw new TypeError(`blocked by CORS policy: ${origin}`);
  }
}

function namesIn(answer, header) {
  return (answer.headers.get(header) ?? "").toLowerCase().split(/\s*,\s*/);
}

async function askFirst(request, origin, withCookies) {
  const wanted = [...request.headers.keys()].filter(
    (name) => name !== "accept" && (name !== "content-type" || request.headers.get(name).includes("json")),
  );
  if (!wanted.length && SIMPLE.includes(request.method)) return;
  const answer = await sent(request.url, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": request.method,
      "Access-Control-Request-Headers": wanted.join(","),
    },
  });
  allowed(answer, origin, withCookies);
  const isGranted =
    answer.ok &&
    namesIn(answer, "Access-Control-Allow-Methods").includes(request.method.toLowerCase()) &&
    wanted.every((name) => namesIn(answer, "Access-Control-Allow-Headers").includes(name));
  if (!isGranted) throw new TypeError(`blocked by CORS policy: ${request.method} with ${wanted}`);
}

function seen(answer, origin, withCookies) {
  allowed(answer, origin, withCookies);
  const shown = [...ALWAYS_SHOWN, ...namesIn(answer, "Access-Control-Expose-Headers")];
  const headers = [...answer.headers].filter(([name]) => shown.includes(name));
  const body = [204, 304].includes(answer.status) ? null : answer.body;
  return new Response(body, { status: answer.status, headers });
}
