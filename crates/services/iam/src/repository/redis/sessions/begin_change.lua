-- Marks a user as being changed, if the user has a session.
-- KEYS: 1 the set of the user's sessions, 2 the record of the user
-- ARGV: 1 the lifetime of the mark in milliseconds
if redis.call('exists', KEYS[1]) == 1 then
  redis.call('set', KEYS[2], '', 'px', ARGV[1])
end
return 0
