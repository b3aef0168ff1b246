-- Stores the record of a user, and optionally replaces one of the user's sessions, if it has not ended.
-- KEYS: 1 the set of the user's sessions, 2 the record, 3 the session, if one is replaced
-- ARGV: 1 the record, 2 '1' if the user was changed, '0' if it was only read from the database, 3 the session
remember(KEYS[2], KEYS[1], ARGV[1], ARGV[2] == '1')
local value = KEYS[3] and redis.call('get', KEYS[3])
local read, known = pcall(cjson.decode, value or '')
if read and type(known) == 'table' then
  local session = cjson.decode(ARGV[3])
  session.used = known.used
  redis.call('set', KEYS[3], cjson.encode(session), 'keepttl')
end
return 0
