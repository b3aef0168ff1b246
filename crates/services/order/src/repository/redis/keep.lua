-- KEYS: the answer; the mark that a caller is asking. ARGV: the owner; the version; the answer; its life in ms.
redis.call('del', KEYS[2])
local known = redis.call('hget', KEYS[1], 'version')
if known and tonumber(known) > tonumber(ARGV[2]) then
  return
end
redis.call('hset', KEYS[1], 'owner', ARGV[1], 'version', ARGV[2], 'answer', ARGV[3])
redis.call('pexpire', KEYS[1], ARGV[4])
