-- Finds a session and the record of its owner, and records the time of this use. Ends a session that was idle for too long. Returns nothing
-- for a session that does not exist or cannot be read. Otherwise returns two values: the session; the owner's record or nil.
-- KEYS: 1 the session
-- ARGV: 1 the digest, 2 the prefix of the key of an owner's record, 3 the prefix of the key of a user's set of sessions, 4 the idle timeout
-- in milliseconds or 0 for none, 5 the precision of the time of the last use in milliseconds
local value = redis.call('get', KEYS[1])
local session = value and use(KEYS[1], value, ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
if not session then
  return false
end
return { value, redis.call('get', ARGV[2] .. session.user) }
