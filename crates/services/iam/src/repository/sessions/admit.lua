-- Comes before what an attempt with the right password asks for. Answers 0 to go on; -1 to refuse, since the login is
-- locked out or the credentials are retired; else for how many milliseconds more the address is refused.
-- KEYS: 1 failures of the login, 2 failures of the address, 3 the mark that retires the credentials
-- ARGV: 1 failures of a login that are too many, 2 failures of an address that are too many
local function admit()
  if tonumber(redis.call('get', KEYS[2]) or 0) >= tonumber(ARGV[2]) then
    return math.max(redis.call('pttl', KEYS[2]), 1)
  end
  if tonumber(redis.call('get', KEYS[1]) or 0) >= tonumber(ARGV[1]) or redis.call('exists', KEYS[3]) == 1 then
    return -1
  end
  return 0
end
