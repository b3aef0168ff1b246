-- Notes that a user's data are being changed.
-- KEYS: 1 the set of the user's sessions, 2 the user's data
-- ARGV: 1 for how many milliseconds
if redis.call('exists', KEYS[1]) == 1 then
  redis.call('set', KEYS[2], '', 'px', ARGV[1])
end
return 0
