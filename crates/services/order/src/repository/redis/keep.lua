-- Caches a response unless a newer version is cached, and removes the mark of the caller that called the service.
-- KEYS: 1 the response, 2 the mark that a caller is calling the service
-- ARGV: 1 the owner, 2 the version, 3 the response, 4 its lifetime in milliseconds
redis.call('del', KEYS[2])
local known = redis.call('hget', KEYS[1], 'version')
if known and tonumber(known) > tonumber(ARGV[2]) then
  return
end
redis.call('hset', KEYS[1], 'owner', ARGV[1], 'version', ARGV[2], 'answer', ARGV[3])
redis.call('pexpire', KEYS[1], ARGV[4])
