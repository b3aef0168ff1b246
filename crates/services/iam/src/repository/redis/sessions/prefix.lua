-- Writes the user's data for as long as a session of the user's may live; a prefix of the scripts that need it.
-- An empty text in their place says that they are being changed: then, and in the place of newer data, only a change is written.
local function remember(key, set, value, is_change)
  local left = redis.call('pttl', set)
  if left <= 0 then
    return
  end
  local known = redis.call('get', key)
  if known and not is_change and (known == '' or cjson.decode(known).version > cjson.decode(value).version) then
    if known ~= '' then
      redis.call('pexpire', key, left, 'gt')
    end
    return
  end
  redis.call('set', key, value, 'px', left)
end
