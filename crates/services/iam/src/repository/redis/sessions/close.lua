-- Ends a session. Returns its user, or nothing if the session does not exist or cannot be read.
-- KEYS: 1 the session, 2 the session as older versions stored it
-- ARGV: 1 its digest, 2 its id, 3 the prefix of the key of a user's set of sessions
local function decoded(value)
  local read, session = pcall(cjson.decode, value or '')
  return read and type(session) == 'table' and session or {}
end
local owner = false
local user = decoded(redis.call('getdel', KEYS[1])).user
if type(user) == 'string' then
  owner = user
  redis.call('zrem', ARGV[3] .. owner, ARGV[1])
end
local old = decoded(redis.call('getdel', KEYS[2])).user
if type(old) == 'table' and type(old.uuid) == 'string' then
  owner = owner or old.uuid
  redis.call('zrem', ARGV[3] .. old.uuid, ARGV[2])
end
return owner
