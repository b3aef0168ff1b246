-- Ends a session. Returns its user, or nothing if the session does not exist or cannot be read.
-- KEYS: 1 the session
-- ARGV: 1 its digest, 2 the prefix of the key of a user's set of sessions
local read, session = pcall(cjson.decode, redis.call('getdel', KEYS[1]) or '')
if not read or type(session) ~= 'table' or type(session.user) ~= 'string' then
  return false
end
redis.call('zrem', ARGV[2] .. session.user, ARGV[1])
return session.user
