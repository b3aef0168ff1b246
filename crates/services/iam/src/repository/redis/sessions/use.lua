-- A function that records the time of a use of a session. It ends a session that was idle for too long. Returns the session, or nothing
-- if it has ended or cannot be read.
local function use(key, value, digest, sets, idle, precision)
  local read, session = pcall(cjson.decode, value)
  if not read or type(session) ~= 'table' or type(session.user) ~= 'string' or type(session.used) ~= 'number' then
    return nil
  end
  local time = redis.call('time')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if idle > 0 and now - session.used > idle then
    redis.call('del', key)
    redis.call('zrem', sets .. session.user, digest)
    return nil
  end
  if now - session.used >= precision then
    session.used = now
    redis.call('set', key, cjson.encode(session), 'keepttl')
  end
  return session
end
