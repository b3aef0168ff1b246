-- Decides on an attempt whose password was right; a prefix of the scripts that need it. Returns 0 to admit it; -1 to refuse it, since
-- the login is locked out or the credentials are retired; otherwise for how many more milliseconds the address is refused.
-- KEYS: 1 failures of the login, 2 failures of the address, 3 the mark that retires the credentials
-- ARGV: 1 the limit of failures per login, 2 the limit of failures per address
local function admit()
  if tonumber(redis.call('get', KEYS[2]) or 0) >= tonumber(ARGV[2]) then
    return math.max(redis.call('pttl', KEYS[2]), 1)
  end
  if tonumber(redis.call('get', KEYS[1]) or 0) >= tonumber(ARGV[1]) or redis.call('exists', KEYS[3]) == 1 then
    return -1
  end
  return 0
end
