-- Lists a user's sessions. Returns pairs: the digest and the session.
-- KEYS: 1 the set of the user's sessions
-- ARGV: 1 the prefix of a session's key, 2 the idle timeout in milliseconds, or 0 for none
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local idle = tonumber(ARGV[2])
local found = {}
for _, digest in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
  local value = redis.call('get', ARGV[1] .. digest)
  local read, session = pcall(cjson.decode, value or '')
  if value and read and type(session) == 'table' and (idle == 0 or type(session.used) ~= 'number' or now - session.used <= idle) then
    table.insert(found, digest)
    table.insert(found, value)
  end
end
return found
