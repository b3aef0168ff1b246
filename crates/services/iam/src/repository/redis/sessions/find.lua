-- Finds a session and the record of its owner, and records the time of this use. Ends a session that was idle for too long. Returns nothing
-- for a session that does not exist or cannot be read. Otherwise returns three values: the session; the owner's record or nil; 1 if an
-- older version stored the session, otherwise 0.
-- KEYS: 1 the session, 2 the session as older versions stored it, with a copy of the user
-- ARGV: 1 the digest, 2 the prefix of the key of an owner's record, 3 the prefix of the key of a user's set of sessions, 4 the idle timeout
-- in milliseconds or 0 for none, 5 the precision of the time of the last use in milliseconds
local value = redis.call('get', KEYS[1])
if not value then
  local old = redis.call('get', KEYS[2])
  local read, session = pcall(cjson.decode, old or '')
  if not read or type(session) ~= 'table' or type(session.user) ~= 'table' or type(session.user.uuid) ~= 'string' then
    return false
  end
  return { old, redis.call('get', ARGV[2] .. session.user.uuid), 1 }
end
local session = use(KEYS[1], value, ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))
if not session then
  return false
end
return { value, redis.call('get', ARGV[2] .. session.user), 0 }
