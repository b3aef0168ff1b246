-- Ends a session.
-- KEYS: 1 the session
-- ARGV: 1 its id, 2 the prefix of the key of a user's set of sessions
local value = redis.call('getdel', KEYS[1])
if value then
  local read, session = pcall(cjson.decode, value)
  if read then
    redis.call('zrem', ARGV[2] .. session.user.uuid, ARGV[1])
  end
end
return 0
