-- KEYS: the answer; the mark that a caller is asking. ARGV: the owner; the least version; for how long a caller asks, in ms.
-- Returns the answer; otherwise 1 to the caller who asks now, and 0 while another does.
local kept = redis.call('hmget', KEYS[1], 'owner', 'version', 'answer')
if kept[1] == ARGV[1] and tonumber(kept[2]) >= tonumber(ARGV[2]) then
  return kept[3]
end
if redis.call('set', KEYS[2], '1', 'nx', 'px', ARGV[3]) then
  return 1
end
return 0
