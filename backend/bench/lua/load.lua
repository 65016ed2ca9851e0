-- The load of one cell. wrk runs this file once for itself (setup, done) and once for every thread
-- (init, request, response), each in an interpreter of its own; globals are what crosses over.

local setting = require("setting")
local operations = require("operations")

local threads = {}
local plan = {}

exhausted = 0
unexpected = 0

function setup(thread)
   thread:set("thread_index", #threads)
   threads[#threads + 1] = thread
end

function init(args)
   math.randomseed(setting.number("BENCH_SEED") * 1000 + thread_index)
   operations.prepare(thread_index, setting.number("BENCH_THREADS"))
   for operation, percent in setting.text("BENCH_MIX"):gmatch("(%a+)=(%d+)") do
      for _ = 1, tonumber(percent) do
         plan[#plan + 1] = operations[operation]
      end
   end
end

function request()
   return plan[math.random(#plan)]()
end

-- wrk itself counts answers of 400 and above. This callback also sees 1xx and 3xx, but it slows
-- wrk down, so it is defined in warm-up runs only.
if setting.text("BENCH_STRICT") == "1" then
   function response(status)
      if status < 200 or status > 299 then
         unexpected = unexpected + 1
      end
   end
end

local function total(name)
   local sum = 0
   for _, thread in ipairs(threads) do
      sum = sum + thread:get(name)
   end
   return sum
end

function done(summary, latency, requests)
   local errors = summary.errors
   local fields = {
      { "requests", summary.requests },
      { "duration_us", summary.duration },
      { "p50_us", latency:percentile(50) },
      { "p95_us", latency:percentile(95) },
      { "p99_us", latency:percentile(99) },
      { "max_us", latency.max },
      { "connect", errors.connect },
      { "read", errors.read },
      { "write", errors.write },
      { "timeout", errors.timeout },
      { "status", errors.status },
      { "unexpected", total("unexpected") },
      { "exhausted", total("exhausted") },
   }
   local members = {}
   for _, field in ipairs(fields) do
      members[#members + 1] = string.format('"%s":%d', field[1], field[2])
   end
   io.write("BENCH {" .. table.concat(members, ",") .. "}\n")
end
