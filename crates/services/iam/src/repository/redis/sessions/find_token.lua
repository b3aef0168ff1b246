-- Finds the session of a token, and returns what find.lua returns, or nothing if the token has ended.
-- KEYS: 1 the token
-- ARGV: 1 the prefix of a session's key, 2 the prefix of the key of an owner's record, 3 the prefix of the key of a user's set of sessions,
-- 4 the idle timeout in milliseconds or 0 for none, 5 the precision of the time of the last use in milliseconds
local digest = redis.call('get', KEYS[1])
local key = digest and ARGV[1] .. digest
local value = key and redis.call('get', key)
local session = value and use(key, value, digest, ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
if not session then
  return false
end
return { value, redis.call('get', ARGV[2] .. session.user) }
