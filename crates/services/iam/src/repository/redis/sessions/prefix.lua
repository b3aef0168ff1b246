-- A function that stores a user's data until the last session of the user expires. scripts.rs says which scripts begin with this file.
-- An empty value marks data that are being changed. Only a change overwrites this mark, or data of a newer version.
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
