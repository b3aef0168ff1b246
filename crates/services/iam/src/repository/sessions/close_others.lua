-- Retires the user's credentials and ends his sessions but one.
-- KEYS: 4 the set of the user's sessions
-- ARGV: 3 the kept session's id, 4 what is before an id in a session's key, 5 for how many milliseconds the mark stays
local admission = admit()
if admission ~= 0 then
  return admission
end
if redis.call('exists', ARGV[4] .. ARGV[3]) == 0 then
  return -1
end
redis.call('del', KEYS[1])
redis.call('set', KEYS[3], '', 'px', ARGV[5])
for _, id in ipairs(redis.call('zrange', KEYS[4], 0, -1)) do
  if id ~= ARGV[3] then
    redis.call('del', ARGV[4] .. id)
    redis.call('zrem', KEYS[4], id)
  end
end
return 0
