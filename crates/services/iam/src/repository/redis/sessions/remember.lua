-- A function that stores the record of a user until the last session of the user expires. scripts.rs says which scripts begin with this
-- file. An empty record marks a user that is being changed. Only a change overwrites this mark. Not even a change
-- overwrites a record of a newer version: of two changes of a user, the older one may come last.
local function remember(key, set, value, is_change)
  local left = redis.call('pttl', set)
  if left <= 0 then
    return
  end
  local known = redis.call('get', key)
  local read, record = pcall(cjson.decode, known or '')
  local version = read and type(record) == 'table' and tonumber(record.version)
  if known and (known == '' and not is_change or version and version > cjson.decode(value).version) then
    if known ~= '' then
      redis.call('pexpire', key, left, 'gt')
    end
    return
  end
  redis.call('set', key, value, 'px', left)
end
