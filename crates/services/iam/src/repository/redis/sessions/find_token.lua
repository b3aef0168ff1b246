-- Finds the session of a token as find.lua finds a session. Returns nothing if the token or its session has ended. Otherwise returns three
-- values: the session's digest; the session; the owner's record or nil.
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
return { digest, value, redis.call('get', ARGV[2] .. session.user) }
