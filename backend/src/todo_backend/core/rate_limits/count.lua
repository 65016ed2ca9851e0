-- Counts in several windows at once, in each of them or in none.
-- KEYS: the windows. ARGV: the step, then for each window its limit and how many seconds it lasts.
-- Returns 1 if one of them is full (and nothing was counted), then for each window its count and the
-- milliseconds until it ends, or less than 0 where it is not open.
local step = tonumber(ARGV[1])
local found = { 0 }
for at, key in ipairs(KEYS) do
    local count = tonumber(redis.call('GET', key) or 0)
    found[2 * at] = count
    found[2 * at + 1] = redis.call('PTTL', key)
    if step > 0 and count + step > tonumber(ARGV[2 * at]) then
        found[1] = 1
    end
end
if found[1] == 1 then
    return found
end
for at, key in ipairs(KEYS) do
    -- What is given back opens no room in a window that has ended meanwhile.
    if step > 0 or found[2 * at] > 0 then
        found[2 * at] = redis.call('INCRBY', key, step)
        if found[2 * at + 1] < 0 then
            found[2 * at + 1] = 1000 * tonumber(ARGV[2 * at + 1])
            redis.call('PEXPIRE', key, found[2 * at + 1])
        end
    end
end
return found
