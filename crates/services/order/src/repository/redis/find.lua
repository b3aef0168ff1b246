-- Finds a cached response. Returns the response if it belongs to this owner and is not too old, 1 if this caller must
-- call the service for it, and 0 if another caller is calling the service.
-- KEYS: 1 the response, 2 the mark that a caller is calling the service
-- ARGV: 1 the owner, 2 the lowest accepted version, 3 the lifetime of the mark in milliseconds
local kept = redis.call('hmget', KEYS[1], 'owner', 'version', 'answer')
if kept[1] == ARGV[1] and tonumber(kept[2]) >= tonumber(ARGV[2]) then
  return kept[3]
end
if redis.call('set', KEYS[2], '1', 'nx', 'px', ARGV[3]) then
  return 1
end
return 0
