-- Ends a session. Returns its user, or nothing if the session does not exist.
-- KEYS: 1 the session, 2 the session as older versions stored it
-- ARGV: 1 its digest, 2 its id, 3 the prefix of the key of a user's set of sessions
local owner = false
local value = redis.call('getdel', KEYS[1])
if value then
  owner = cjson.decode(value).user
  redis.call('zrem', ARGV[3] .. owner, ARGV[1])
end
local old = redis.call('getdel', KEYS[2])
if old then
  local read, session = pcall(cjson.decode, old)
  if read then
    owner = owner or session.user.uuid
    redis.call('zrem', ARGV[3] .. session.user.uuid, ARGV[2])
  end
end
return owner
