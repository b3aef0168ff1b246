-- Ends a session.
-- KEYS: 1 the session
-- ARGV: 1 its id, 2 what is before a user's uuid in the key of the set of his sessions
local value = redis.call('getdel', KEYS[1])
if value then
  local read, session = pcall(cjson.decode, value)
  if read then
    redis.call('zrem', ARGV[2] .. session.user.uuid, ARGV[1])
  end
end
return 0
