-- Counts a wrong password. Returns for how many more milliseconds the address is refused, or 0.
-- KEYS: 1 failures of the login, 2 failures of the address
-- ARGV: 1 and 2 the windows in milliseconds of the two counts, 3 the limit of failures per address
local function count(key, window)
  local failures = redis.call('incr', key)
  if failures == 1 then
    redis.call('pexpire', key, window)
  end
  return failures
end
count(KEYS[1], ARGV[1])
if count(KEYS[2], ARGV[2]) > tonumber(ARGV[3]) then
  return math.max(redis.call('pttl', KEYS[2]), 1)
end
return 0
